const LIBC = "libc.so.6";

/**
 * The C library, as far as drivers need it: the only place that opens a library. Where C says
 * ssize_t the result is taken as 32 bits: no length here comes near 2^31, and a 64-bit result would
 * be a BigInt, allocated per call.
 */
const LIBC_SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32" /* int errnum */], result: "pointer" },

  open: {
    parameters: ["buffer", /* const char *path */ "i32", /* int flags */ "i32" /* mode_t mode */],
    result: "i32",
  },
  close: { parameters: ["i32" /* int fd */], result: "i32" },
  read: {
    parameters: ["i32", /* int fd */ "buffer", /* void *buf */ "usize" /* size_t count */],
    result: "i32", /* ssize_t */
  },
  write: {
    parameters: ["i32", /* int fd */ "buffer", /* const void *buf */ "usize" /* size_t count */],
    result: "i32", /* ssize_t */
  },
  pread: {
    parameters: [
      "i32", // int fd
      "buffer", // void *buf
      "usize", // size_t count
      "i64", // off_t offset
    ],
    result: "i32", /* ssize_t */
  },
  pwrite: {
    parameters: [
      "i32", // int fd
      "buffer", // const void *buf
      "usize", // size_t count
      "i64", // off_t offset
    ],
    result: "i32", /* ssize_t */
  },
  readv: {
    parameters: ["i32", /* int fd */ "buffer", /* const iovec *iov */ "i32" /* int iovcnt */],
    result: "i32", /* ssize_t */
  },
  writev: {
    parameters: ["i32", /* int fd */ "buffer", /* const iovec *iov */ "i32" /* int iovcnt */],
    result: "i32", /* ssize_t */
  },
  readlink: {
    parameters: [
      "buffer", // const char *path
      "buffer", // char *buf
      "usize", // size_t bufsiz
    ],
    result: "i32", /* ssize_t */
  },
  getdents64: {
    parameters: ["i32", /* int fd */ "buffer", /* void *dirp */ "usize" /* size_t count */],
    result: "i32", /* ssize_t */
  },
  symlink: {
    parameters: ["buffer", /* const char *target */ "buffer" /* const char *linkpath */],
    result: "i32",
  },
  unlink: { parameters: ["buffer" /* const char *path */], result: "i32" },
  fcntl: {
    parameters: ["i32", /* int fd */ "i32", /* int cmd */ "i32" /* int arg */],
    result: "i32",
  },
  ioctl: {
    parameters: ["i32", /* int fd */ "u64", /* unsigned long request */ "buffer" /* void *arg */],
    result: "i32",
  },
  ioctl_value: {
    name: "ioctl",
    parameters: ["i32", /* int fd */ "u64", /* unsigned long request */ "u64" /* its value */],
    result: "i32",
  },

  clock_gettime: {
    parameters: ["i32", /* clockid_t clockid */ "buffer" /* struct timespec *tp */],
    result: "i32",
  },

  mount: {
    parameters: [
      "buffer", // const char *source
      "buffer", // const char *target
      "buffer", // const char *filesystemtype
      "u64", // unsigned long mountflags
      "buffer", // const void *data
    ],
    result: "i32",
  },
  tcdrain: { parameters: ["i32" /* int fd */], result: "i32" },
  reboot: { parameters: ["i32" /* int op */], result: "i32" },
  // The C library has no function for this system call.
  finit_module: {
    name: "syscall",
    parameters: [
      "i64", // long number
      "i32", // int fd
      "buffer", // const char *param_values
      "i32", // int flags
    ],
    result: "i32",
  },

  unshare: { parameters: ["i32" /* int flags */], result: "i32" },
  setns: { parameters: ["i32", /* int fd */ "i32" /* int nstype */], result: "i32" },

  memfd_create: {
    parameters: ["buffer", /* const char *name */ "u32" /* unsigned flags */],
    result: "i32",
  },
  lseek: {
    parameters: ["i32", /* int fd */ "i64", /* off_t offset */ "i32" /* int whence */],
    result: "i64", /* off_t */
  },
  ftruncate: { parameters: ["i32", /* int fd */ "i64" /* off_t length */], result: "i32" },
  mmap: {
    parameters: [
      "pointer", // void *addr
      "usize", // size_t length
      "i32", // int prot
      "i32", // int flags
      "i32", // int fd
      "i64", // off_t offset
    ],
    result: "pointer",
  },
  munmap: { parameters: ["pointer", /* void *addr */ "usize" /* size_t length */], result: "i32" },
  madvise: {
    parameters: ["pointer", /* void *addr */ "usize", /* size_t length */ "i32" /* int advice */],
    result: "i32",
  },
  mlock: {
    parameters: ["pointer", /* const void *addr */ "usize" /* size_t len */],
    result: "i32",
  },

  eventfd: { parameters: ["u32", /* unsigned initval */ "i32" /* int flags */], result: "i32" },
  eventfd_read: {
    parameters: ["i32", /* int fd */ "buffer" /* eventfd_t *value */],
    result: "i32",
  },
  eventfd_write: { parameters: ["i32", /* int fd */ "u64" /* eventfd_t value */], result: "i32" },

  socket: {
    parameters: ["i32", /* int domain */ "i32", /* int type */ "i32" /* int protocol */],
    result: "i32",
  },
  socketpair: {
    parameters: [
      "i32", // int domain
      "i32", // int type
      "i32", // int protocol
      "buffer", // int sv[2]
    ],
    result: "i32",
  },
  bind: {
    parameters: ["i32", /* int fd */ "buffer", /* const sockaddr * */ "u32" /* socklen_t */],
    result: "i32",
  },
  listen: { parameters: ["i32", /* int fd */ "i32" /* int backlog */], result: "i32" },
  connect: {
    parameters: ["i32", /* int fd */ "buffer", /* const sockaddr * */ "u32" /* socklen_t */],
    result: "i32",
  },
  setsockopt: {
    parameters: [
      "i32", // int fd
      "i32", // int level
      "i32", // int optname
      "buffer", // const void *optval
      "u32", // socklen_t optlen
    ],
    result: "i32",
  },
  accept4: {
    parameters: [
      "i32", // int fd
      "pointer", // struct sockaddr *
      "pointer", // socklen_t *
      "i32", // int flags
    ],
    result: "i32",
  },
  sendmsg: {
    parameters: ["i32", /* int fd */ "buffer", /* const msghdr * */ "i32" /* int flags */],
    result: "i32", /* ssize_t */
  },
  recvmsg: {
    parameters: ["i32", /* int fd */ "buffer", /* msghdr * */ "i32" /* int flags */],
    result: "i32", /* ssize_t */
  },

  sched_yield: { parameters: [], result: "i32" },

  poll: {
    parameters: ["buffer", /* pollfd *fds */ "usize", /* nfds_t nfds */ "i32" /* int timeout */],
    result: "i32",
  },
  poll_nonblocking: {
    name: "poll",
    parameters: ["buffer", /* pollfd *fds */ "usize", /* nfds_t nfds */ "i32" /* int timeout */],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions, by their names. */
export type Libc = Deno.StaticForeignLibraryInterface<typeof LIBC_SYMBOLS>;
/** Those names. */
export type LibcName = keyof Libc;
type Arguments = Parameters<Deno.UnsafeFnPointer<Deno.ForeignFunction>["call"]>;

/**
 * The functions of the C library, by their C names. Errors come by {@link errno}.
 *
 * They're called through their addresses: 1 µs more than the call itself, and some garbage. That's for
 * what is called now and then; what is called for packets is {@link compiled}.
 */
export const libc: Libc = calledByAddress();

/** Those that were compiled. */
const machineCode = new Map<LibcName, unknown>();

/**
 * A function of {@link libc} that costs next to nothing beyond what it does, as Deno makes machine code
 * for the call. That takes a while, in a machine that QEMU emulates 3 to 20 ms, and the first 100: it's
 * for functions that are called often, and asked for by those who will.
 */
export function compiled<Name extends LibcName>(name: Name): Libc[Name] {
  if (!machineCode.has(name)) {
    const symbols: Deno.ForeignLibraryInterface = { [name]: { name, ...LIBC_SYMBOLS[name] } };
    machineCode.set(name, Deno.dlopen(LIBC, symbols).symbols[name]);
  }
  // Of a table whose names are known to the compiler it knows the types, too; of one entry it doesn't.
  return machineCode.get(name) as Libc[Name];
}

/** Looks all addresses up, which is quick, and calls none. */
function calledByAddress(): Libc {
  const definitions: [string, Deno.ForeignFunction][] = Object.entries(LIBC_SYMBOLS);
  const addresses = Deno.dlopen(
    LIBC,
    Object.fromEntries(
      definitions.map(([name, definition]) => [
        name,
        { name: definition.name ?? name, type: "pointer" as const },
      ]),
    ),
  ).symbols;
  const functions = definitions.map(([name, definition]) => {
    const pointer = addresses[name];
    if (!isPointer(pointer)) throw new Error(`the C library has no ${name}`);
    let callable: Deno.UnsafeFnPointer<Deno.ForeignFunction> | null = null;
    return [name, (...args: Arguments) => {
      callable ??= new Deno.UnsafeFnPointer(pointer, definition);
      return callable.call(...args);
    }];
  });
  // The same table, of which TypeScript has lost the types.
  return Object.fromEntries(functions) as Libc;
}

function isPointer(value: unknown): value is Deno.PointerObject<Deno.ForeignFunction> {
  return value !== null && typeof value === "object";
}

/** A string as C wants it: UTF-8 with a zero at the end. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
