import type { Netdev } from "../netdev/netdev.ts";
import { countAddresses } from "../stack/address_range.ts";
import { hostAddresses } from "../stack/ipv4_range.ts";
import {
  formatIpv4,
  formatIpv4Ranges,
  formatMac,
  formatMacBytes,
  type HostObserver,
} from "../stack/mod.ts";
import type { OpenDevice } from "./device.ts";
import type { DeviceOptions } from "./device_options.ts";
import type { EchoClient, EchoReply } from "./echo_client.ts";
import type { Log, LogEvent } from "./log.ts";
import { pingHint } from "./ping_hint.ts";

/** Of a longer list of addresses people are shown so many. */
const RANGES_SHOWN = 4;

/**
 * Says what happens to one device and the host on it. Every event has the device's name; so have the
 * lines for people, where there are several devices.
 */
export class DeviceLog {
  readonly #log: Log;
  readonly #name: string;
  readonly #several: boolean;

  constructor(log: Log, name: string, several: boolean) {
    this.#log = log;
    this.#name = name;
    this.#several = several;
  }

  /** What the device is, once it has been configured. */
  device(netdev: Netdev, { location, pid }: OpenDevice, { einfo, queues }: DeviceOptions): void {
    const name = this.#name;
    const driver = netdev.driverName;
    const mac = formatMacBytes(netdev.hwaddrGet());
    const details = netdev.detailsGet();
    const features = details?.features.negotiated ?? [];
    // Another card may sit in another place than the first one.
    const place = details?.bus ?? location;
    const mtu = netdev.mtuGet();
    const link = netdev.linkGet();
    const rx = details?.rxRings[0] ?? netdev.rxqInfoGet(0).maxDescriptors;
    const tx = details?.txRings[0] ?? netdev.txqInfoGet(0).maxDescriptors;
    const { IPV4_HOSTNAME: hostname = null, IPV4_DOMAIN: domain = null } = einfo;
    const dns = [einfo.IPV4_DNS0, einfo.IPV4_DNS1].filter((address) => address !== undefined);
    const names = [
      ...(hostname === null ? [] : [`host name ${hostname}`]),
      ...(domain === null ? [] : [`domain ${domain}`]),
      ...(dns.length === 0 ? [] : [`DNS ${dns.join(" ")}`]),
    ];
    this.#log.event({
      event: "device",
      fields: {
        device: name,
        driver,
        location: place,
        pid,
        mac,
        mtu,
        link,
        queues,
        rx,
        tx,
        features,
        hostname,
        domain,
        dns,
      },
      text: [
        `${name} is ${driver} at ${place}${pid === null ? "" : ` of QEMU (process ${pid})`}`,
        this.#line(
          `MAC ${mac}, MTU ${mtu}, link ${upDown(link)}, ` +
            `${queues} RX ${plural(queues)} of ${rx}, ${queues} TX ${plural(queues)} of ${tx}`,
        ),
        ...(features.length === 0 ? [] : [this.#line(`features ${features.join(" ")}`)]),
        ...(names.length === 0 ? [] : [this.#line(names.join(", "))]),
      ].join("\n"),
    });
  }

  /** There's no device before somebody connects. */
  waiting(where: string): void {
    this.#log.event({
      event: "waiting",
      fields: { device: this.#name, where },
      text: `${this.#name} waits for a back-end at ${where}`,
    });
  }

  /** The host on it answers from now on. */
  ready(netdev: Netdev, options: DeviceOptions): void {
    const { ranges } = options;
    const addresses = countAddresses(hostAddresses(ranges));
    const shown = formatIpv4Ranges(ranges.slice(0, RANGES_SHOWN));
    const more = ranges.length > RANGES_SHOWN ? ",…" : "";
    const who = addresses === 1
      ? `${shown} answers`
      : `${shown}${more} (${addresses} addresses) answer`;
    const command = pingHint(options);
    const hint = command === null ? "" : `; in a second terminal: ${command}`;
    this.#event({
      event: "ready",
      fields: {
        driver: netdev.driverName,
        mac: formatMacBytes(netdev.hwaddrGet()),
        ip: formatIpv4Ranges(ranges),
        addresses,
        hub: options.device.kind === "qemu" ? options.hub : null,
      },
      text: `ready: ${who} ARP and ping${hint}`,
    });
  }

  /** The link has come or gone. */
  link(up: boolean): void {
    this.#event({ event: "link", fields: { up }, text: `link ${upDown(up)}` });
  }

  /** The host announces itself, as its device asked. */
  announcing(): void {
    this.#event({
      event: "announcing",
      fields: {},
      text: "announcing itself, as the device asked",
    });
  }

  /** The device was reset, and works again. */
  reset(reason: string): void {
    this.#log.event({
      event: "reset",
      fields: { device: this.#name, reason },
      text: `${this.#name} was reset: ${reason}`,
    });
  }

  /** The device was taken out, for the nth time. */
  unplugged(unplugs: number): void {
    this.#log.event({
      event: "unplugged",
      fields: { device: this.#name, unplugs },
      text: `${this.#name} was taken out`,
    });
  }

  /** It was put back, for the nth time, and the host on it answers again. */
  plugged(plugs: number): void {
    this.#log.event({
      event: "plugged",
      fields: { device: this.#name, plugs },
      text: `${this.#name} was put back, and answers again`,
    });
  }

  /** What was put in is of no use, or could not be let go of. */
  unusable(reason: string): void {
    this.#log.event({
      event: "unusable",
      fields: { device: this.#name, reason },
      text: `${this.#name} has a card that can't be used: ${reason}`,
    });
  }

  /** The device is gone for good, and others go on without it. */
  failed(reason: string): void {
    this.#log.event({
      event: "failed",
      fields: { device: this.#name, reason },
      text: `${this.#name} has failed, the others go on: ${reason}`,
    });
  }

  /** What came of our ping to the gateway: the reply, or null when there was none for so long. */
  gateway(address: number, reply: EchoReply | null, patienceMs: number): void {
    const gateway = formatIpv4(address);
    if (reply === null) {
      this.#event({
        event: "gateway",
        fields: { address: gateway, answered: false },
        text: `gateway ${gateway} did not answer our ping within ${patienceMs / 1000} s`,
      });
      return;
    }
    this.#event({
      event: "gateway",
      fields: { address: gateway, answered: true, milliseconds: reply.time },
      text: `gateway ${gateway} answered our ping in ${reply.time.toFixed(2)} ms`,
    });
  }

  /** Says what the host meets with, and hands echo replies to `client`. */
  observer(client: () => EchoClient | null): HostObserver {
    return {
      firstArp: (address, head, tail) => {
        const [peer, mac] = [formatIpv4(address), formatMac(head, tail)];
        this.#event({
          event: "first-arp",
          fields: { peer, mac },
          text: `first ARP from ${peer} at ${mac}`,
        });
      },
      firstEchoRequest: (address) => {
        const peer = formatIpv4(address);
        this.#event({ event: "first-ping", fields: { peer }, text: `first ping from ${peer}` });
      },
      echoReply: (...reply) => client()?.echoReply(...reply),
      resolutionFailed: (address) => {
        const peer = formatIpv4(address);
        this.#event({
          event: "no-arp-answer",
          fields: { peer },
          text: `${peer} does not answer ARP`,
        });
      },
      addressConflict: (head, tail, address) => {
        const [own, mac] = [formatIpv4(address), formatMac(head, tail)];
        this.#event({
          event: "address-conflict",
          fields: { address: own, mac },
          text: `another station uses our address ${own}: ${mac}`,
        });
      },
    };
  }

  #event({ event, fields, text }: LogEvent): void {
    this.#log.event({ event, fields: { device: this.#name, ...fields }, text: this.#line(text) });
  }

  #line(text: string): string {
    return this.#several ? `${this.#name}: ${text}` : text;
  }
}

function plural(queues: number): string {
  return queues === 1 ? "queue" : "queues";
}

function upDown(up: boolean): string {
  return up ? "up" : "down";
}
