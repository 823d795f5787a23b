/* BPF programs: loading any, and the one that chooses among the queues of a TAP. The kernel's verifier is their only judge. */
#include "addon.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSN_BYTES sizeof(struct bpf_insn)
#define LOG_BYTES 2048

/* => a descriptor of the program, or -1 with errno. The attributes beyond these are zero. */
static int load(uint32_t type, const void *program, size_t bytes, char *log) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = type;
  attr.insns = (uintptr_t)program;
  attr.insn_cnt = (uint32_t)(bytes / INSN_BYTES);
  attr.license = (uintptr_t) "MIT";
  attr.log_buf = (uintptr_t)log;
  attr.log_size = log ? LOG_BYTES : 0;
  attr.log_level = log ? 1 : 0;
  return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

/* Asks again for what the verifier says: it writes for the programs that it accepts as well, and a
 * log that is too small is an error of its own (ENOSPC), so the first attempt goes without. */
static napi_value refused(napi_env env, int error, uint32_t type, const void *program,
                          size_t bytes) {
  char log[LOG_BYTES] = "", step[LOG_BYTES + 40];
  int fd = load(type, program, bytes, log);
  if (fd >= 0) close(fd);
  snprintf(step, sizeof step, "BPF_PROG_LOAD%s%s", *log ? ":\n" : "", log);
  return system_error(env, error, step, "", "");
}

napi_value load_program(napi_env env, uint32_t type, const void *program, size_t bytes) {
  if (bytes % INSN_BYTES)
    return type_error(env, "program: expected a Uint8Array of whole instructions");
  int fd = load(type, program, bytes, NULL);
  return fd < 0 ? refused(env, errno, type, program, bytes) : integer(env, fd);
}

napi_value steer(napi_env env, napi_callback_info info) {
  napi_value args[2], buffer;
  int32_t tap;
  size_t bytes;
  void *program;
  if (!arguments(env, info, 2, args) || !integers(env, args, 1, &tap)) return NULL;
  if (!view(env, args[1], napi_uint8_array, &bytes, &program, &buffer) || bytes % INSN_BYTES)
    return type_error(env, "program: expected a Uint8Array of whole instructions");

  int fd = -1; /* takes the program away */
  const uint32_t type = BPF_PROG_TYPE_SOCKET_FILTER;
  if (bytes && (fd = load(type, program, bytes, NULL)) < 0)
    return refused(env, errno, type, program, bytes);
  int result = ioctl(tap, TUNSETSTEERINGEBPF, &fd), error = errno;
  if (fd >= 0) close(fd); /* the device holds the program from now on */
  return result < 0 ? system_error(env, error, "TUNSETSTEERINGEBPF", "", "") : NULL;
}
