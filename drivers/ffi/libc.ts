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

/** The functions of the C library, by their C names. Errors come by {@link errno}. */
export const libc: Deno.StaticForeignLibraryInterface<typeof LIBC_SYMBOLS> =
  Deno.dlopen("libc.so.6", LIBC_SYMBOLS).symbols;

/** A string as C wants it: UTF-8 with a zero at the end. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
