/** A kernel module of the image. */
export interface KernelModule {
  /** Where the kernel's package has it, below `lib/modules/VERSION/kernel`. */
  readonly source: string;
  /** Where it is in the guest. */
  readonly path: string;
  /** What it's told, as modprobe(8) has it. */
  readonly parameters?: string;
}

/** A card that user space may drive: each behind those that it needs. */
export const VFIO_MODULES: readonly KernelModule[] = [
  "virt/lib/irqbypass.ko",
  "drivers/vfio/vfio.ko",
  "drivers/vfio/vfio_virqfd.ko",
  "drivers/vfio/vfio_iommu_type1.ko",
  "drivers/vfio/pci/vfio-pci-core.ko",
].map(moduleOf).concat({
  ...moduleOf("drivers/vfio/pci/vfio-pci.ko"),
  // A card that nobody has isn't put to sleep: there's none, and to wake it takes 12 ms.
  parameters: "disable_idle_d3=1",
});

/** QEMU's pvpanic device, by which the host learns that the guest ended badly. */
export const PANIC_MODULES: readonly KernelModule[] = [
  "drivers/misc/pvpanic/pvpanic.ko",
  "drivers/misc/pvpanic/pvpanic-mmio.ko",
].map(moduleOf);

/** The power button of ACPI, as an input device. */
export const BUTTON_MODULES: readonly KernelModule[] = [
  "drivers/input/evdev.ko",
  "drivers/acpi/button.ko",
].map(moduleOf);

/** All that the image has. */
export const MODULES: readonly KernelModule[] = [
  ...PANIC_MODULES,
  ...VFIO_MODULES,
  ...BUTTON_MODULES,
];

function moduleOf(source: string): KernelModule {
  return { source, path: `/modules/${source.slice(source.lastIndexOf("/") + 1)}` };
}
