import { mountKernelFileSystem } from "../../drivers/ffi/mount.ts";

/** Mounts what a Linux program expects to find: processes, devices and their files. */
export function mountFileSystems(): void {
  mountKernelFileSystem("proc", "/proc");
  mountKernelFileSystem("sysfs", "/sys");
  mountKernelFileSystem("devtmpfs", "/dev");
}
