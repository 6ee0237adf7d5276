/** Configuration space, type 0 header (PCI Local Bus Specification 3.0, §6.1): byte offsets. */
export const PCI_VENDOR_ID = 0x00;
export const PCI_DEVICE_ID = 0x02;
export const PCI_COMMAND = 0x04;
export const PCI_STATUS = 0x06;
export const PCI_REVISION_ID = 0x08;
/** Programming interface, sub-class and class: three bytes from 0x09. */
export const PCI_CLASS_CODE = 0x09;
export const PCI_HEADER_TYPE = 0x0e;
export const PCI_BASE_ADDRESS_0 = 0x10;
export const PCI_SUBSYSTEM_VENDOR_ID = 0x2c;
export const PCI_SUBSYSTEM_ID = 0x2e;
export const PCI_CAPABILITIES_POINTER = 0x34;
/** The pin on which a function interrupts: 1 to 4 for INTA to INTD, 0 for none (§6.2.4). */
export const PCI_INTERRUPT_PIN = 0x3d;

/** §6.2.2, command register. */
export const PCI_COMMAND_IO = 1 << 0;
export const PCI_COMMAND_MEMORY = 1 << 1;
export const PCI_COMMAND_MASTER = 1 << 2;
export const PCI_COMMAND_INTX_DISABLE = 1 << 10;

/** §6.2.3, status register. */
export const PCI_STATUS_CAP_LIST = 1 << 4;

/** §6.2.1: the function is one of several of its device. */
export const PCI_HEADER_TYPE_MULTI_FUNCTION = 0x80;

/** Vendor id read where there is no function (§6.1). */
export const PCI_NO_FUNCTION = 0xffff;

/** §6.2.5.1, base address registers. */
export const PCI_BASE_ADDRESS_SPACE_IO = 0x1;
export const PCI_BASE_ADDRESS_TYPE_64 = 0x4;
export const PCI_BASE_ADDRESS_MEM_MASK = 0xffff_fff0;
export const PCI_BASE_ADDRESS_IO_MASK = 0xffff_fffc;
export const PCI_BASE_ADDRESS_COUNT = 6;

/** Capability ids (appendix H). */
export const PCI_CAP_ID_VENDOR = 0x09;
export const PCI_CAP_ID_MSIX = 0x11;
