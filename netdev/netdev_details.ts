/** What a driver knows of its device beyond what the uk_netdev calls need: for people to read. */
export interface NetdevDetails {
  /** Where the device sits, as its bus has it: `slot 3`. */
  readonly bus: string;
  /** What else is known of the hardware, by name, in the order to tell it: `["PHY", "1"]`. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
  /** Descriptors of each receive queue that is set up. */
  readonly rxRings: readonly number[];
  /** Descriptors of each transmit queue that is set up. */
  readonly txRings: readonly number[];
  /** Features by name, in the device's own order. */
  readonly features: {
    /** What the device is able to do. */
    readonly offered: readonly string[];
    /** What driver and device agreed on. */
    readonly negotiated: readonly string[];
  };
  /** Interrupts that the device raises; none before it's started. */
  readonly vectors: readonly NetdevVector[];
}

/** One interrupt of a device. */
export interface NetdevVector {
  /** What the bus calls it: `vector 1`. */
  readonly name: string;
  /** What it tells of: `receive queue 0`. */
  readonly use: string;
}
