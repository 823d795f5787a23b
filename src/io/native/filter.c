/* Two filters of system calls, as programs of classic BPF over struct seccomp_data: an allowlist for packet threads, and
 * a list of what is refused to the whole daemon. Why, and what was measured: docs/decisions, 9.
 *
 * The kernel works out once which calls a program allows whatever their arguments are, and those are not filtered at
 * all from then on (Linux 5.11); before that the first ones of a list cost the least. */
#define _GNU_SOURCE
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
/* The numbers of x32 are those of x86-64 and this bit; a list that does not know it can be walked around. */
#define FOREIGN_NUMBERS 0x40000000u
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef OUR_ARCH

/* Numbers that headers of this age may lack; from 424 on all machines have the same. */
#ifndef __NR_futex_waitv
#define __NR_futex_waitv 449
#endif
#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

#define NAMESPACES                                                                                 \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |     \
   CLONE_NEWNET)

/* Entries of a packet thread's ring (BURST of src/engine/frames.ts). libuv has one of 256 for each event loop from Node 22 on,
 * which does whatever it is asked for; it goes on without. */
#define RING_ENTRIES 64

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

/* Of a packet thread that runs, and ends: frames (one by one), sleeping and waking, V8's memory, its locks, the time, signals. */
static const uint32_t THREAD[] = {
#ifdef __NR_poll
    __NR_poll,
#endif
    __NR_ppoll, __NR_read, __NR_write, __NR_futex, __NR_madvise, __NR_munmap,
    __NR_mprotect, __NR_pkey_mprotect, __NR_brk, __NR_mremap, __NR_readv, __NR_writev,
    __NR_clock_gettime, __NR_clock_getres, __NR_clock_nanosleep, __NR_nanosleep, __NR_gettimeofday,
#ifdef __NR_time
    __NR_time,
#endif
    /* A sleep goes on behind SIGSTOP and SIGCONT by this one. */
    __NR_restart_syscall, __NR_rt_sigreturn, __NR_rt_sigprocmask, __NR_rt_sigaction, __NR_sigaltstack,
    __NR_futex_waitv, __NR_sched_yield, __NR_sched_getaffinity, __NR_getcpu, __NR_membarrier,
    __NR_rseq, __NR_set_robust_list, __NR_gettid, __NR_getpid, __NR_getrandom, __NR_getrusage,
    /* The event loop that Node ends with the thread, and descriptors that were lost. */
    __NR_close, __NR_epoll_pwait, __NR_epoll_ctl,
#ifdef __NR_epoll_wait
    __NR_epoll_wait,
#endif
    __NR_exit, __NR_exit_group,
};

/* Of nobody here, and of what a right is good for when it is misused: other processes, the kernel's code, mounts, the
 * clock, the machine. bpf, setns and unshare are not on it: an arm that was lost is opened anew by them. */
static const uint32_t NEVER[] = {
    __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_kcmp, __NR_perf_event_open,
    __NR_userfaultfd, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
#ifdef __NR_kexec_file_load
    __NR_kexec_file_load,
#endif
    __NR_reboot, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_move_mount,
    __NR_open_tree, __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_mount_setattr,
    __NR_swapon, __NR_swapoff, __NR_acct, __NR_quotactl, __NR_quotactl_fd, __NR_open_by_handle_at,
    __NR_keyctl, __NR_add_key, __NR_request_key, __NR_settimeofday, __NR_clock_settime,
    __NR_clock_adjtime, __NR_adjtimex, __NR_sethostname, __NR_setdomainname, __NR_syslog,
    __NR_vhangup, __NR_lookup_dcookie, __NR_nfsservctl,
#ifdef __x86_64__
    __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_uselib, __NR_ustat, __NR_sysfs, __NR__sysctl,
#endif
};

/* Of control, and never of a packet thread. */
static const uint32_t CONTROL_ONLY[] = {__NR_execve, __NR_execveat, __NR_bpf};

#define LENGTH(list) (sizeof(list) / sizeof *(list))
/* A pair of instructions for each call of a list, and what is written one by one below. */
#define MOST (2 * (LENGTH(THREAD) + LENGTH(NEVER) + LENGTH(CONTROL_ONLY)) + 64)

struct program {
  unsigned short length;
  struct sock_filter code[MOST];
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  p->code[p->length++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load(struct program *p, size_t offset) {
  put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *p, uint32_t action) { put(p, BPF_RET | BPF_K, action, 0, 0); }

/* The number of the call is loaded before and behind each of these. */
static void begin(struct program *p, uint32_t if_foreign) {
  p->length = 0;
  load(p, offsetof(struct seccomp_data, arch));
  put(p, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
  answer(p, if_foreign);
  load(p, offsetof(struct seccomp_data, nr));
#ifdef FOREIGN_NUMBERS
  put(p, BPF_JMP | BPF_JGE | BPF_K, FOREIGN_NUMBERS, 0, 1);
  answer(p, if_foreign);
#endif
}

static void each(struct program *p, const uint32_t *calls, size_t n, uint32_t action) {
  for (size_t i = 0; i < n; i++) {
    put(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
    answer(p, action);
  }
}

/* The lower half of the n-th argument of the call, jumped over if it is another call; two answers have to follow. */
static void argument(struct program *p, uint32_t call, size_t n, uint16_t test, uint32_t k) {
  put(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
  load(p, offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));
  put(p, (uint16_t)(BPF_JMP | test | BPF_K), k, 0, 1);
}

/* => 0 or -1; no_new_privs is what the kernel asks for of those who lack CAP_SYS_ADMIN. */
static int install(struct program *p, unsigned flags, const char **step) {
  struct sock_fprog program = {p->length, p->code};
  *step = "PR_SET_NO_NEW_PRIVS";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  *step = "seccomp";
  /* Nobody else's code runs here, so before Linux 5.16 no branch is to become slower for it. */
  flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  long result = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  /* The number of a thread with another filter. */
  if (result > 0) errno = EBUSY;
  return result == 0 ? 0 : -1;
}

int confine_thread(int ring, const char **step) {
  struct program p;
  begin(&p, SECCOMP_RET_KILL_PROCESS);
  /* All threads have the same descriptors, and the ring of a main thread's event loop may be older than any filter. */
  argument(&p, __NR_io_uring_enter, 0, BPF_JEQ, (uint32_t)ring);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  each(&p, THREAD, LENGTH(THREAD), SECCOMP_RET_ALLOW);
  /* Memory, and no file. */
  argument(&p, __NR_mmap, 3, BPF_JSET, MAP_ANONYMOUS);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  /* abort() and no other process. */
  argument(&p, __NR_tgkill, 0, BPF_JEQ, (uint32_t)getpid());
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  /* Names of memory, which V8 gives. */
  argument(&p, __NR_prctl, 0, BPF_JEQ, PR_SET_VMA);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  each(&p, NEVER, LENGTH(NEVER), SECCOMP_RET_KILL_PROCESS);
  each(&p, CONTROL_ONLY, LENGTH(CONTROL_ONLY), SECCOMP_RET_KILL_PROCESS);
  answer(&p, REFUSE);
  return install(&p, 0, step);
}

int confine_process(const char **step) {
  struct program p;
  begin(&p, REFUSE);
  /* What packet threads are allowed for one descriptor only comes here each time. */
  each(&p, (const uint32_t[]){__NR_io_uring_enter}, 1, SECCOMP_RET_ALLOW);
  each(&p, NEVER, LENGTH(NEVER), REFUSE);
  /* A namespace of the network may be made and entered, no other kind. */
  argument(&p, __NR_unshare, 0, BPF_JEQ, CLONE_NEWNET);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  argument(&p, __NR_setns, 1, BPF_JEQ, CLONE_NEWNET);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  argument(&p, __NR_io_uring_setup, 0, BPF_JEQ, RING_ENTRIES);
  answer(&p, SECCOMP_RET_ALLOW), answer(&p, REFUSE);
  argument(&p, __NR_clone, 0, BPF_JSET, NAMESPACES);
  answer(&p, REFUSE), answer(&p, SECCOMP_RET_ALLOW);
  /* Its flags lie in memory, where a filter does not see them. C libraries take clone then. */
  put(&p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1);
  answer(&p, SECCOMP_RET_ERRNO | ENOSYS);
  answer(&p, SECCOMP_RET_ALLOW);
  return install(&p, SECCOMP_FILTER_FLAG_TSYNC, step);
}

#else

int confine_thread(int ring, const char **step) {
  (void)ring;
  *step = "no filter for this machine";
  errno = ENOSYS;
  return -1;
}

int confine_process(const char **step) { return confine_thread(-1, step); }

#endif
