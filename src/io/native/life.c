/* Whether threads of another process live. Each holds a lock of memory that both processes map, for as long as it runs; when
 * a thread dies, the kernel passes its locks on before it takes the process's memory and descriptors apart, which takes many
 * times as long (set_robust_list(2), exit_mm). So whoever waits for the lock of a thread that was killed knows at once, and
 * for certain, that it will never write again. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS_MOST 256
#define LIVES_MAGIC 0x7461706cu
/* Of a thread that only waits. */
#define STACK_BYTES (256 * 1024)

struct slot {
  _Alignas(64) pthread_mutex_t mutex;
};

/* What is in the memory; a mutex of another C library would have another size. */
struct lives {
  uint32_t magic, slots, mutex_bytes;
  /* The main thread has let go so that others go on, and not because nobody is to. */
  uint32_t handed_over;
  /* Of who has slot 0; 0 where that did not say so yet. */
  int32_t pid;
  struct slot slot[];
};

static size_t bytes_for(int32_t slots) {
  return sizeof(struct lives) + (size_t)slots * sizeof(struct slot);
}

static const napi_type_tag LIFE_TAG = {0x7461707673617262, 0x6c69666500000001};

/* => the lives behind `fd`, mapped for good, or NULL with errno */
static struct lives *lives_of(int fd) {
  uint64_t bytes;
  if (!memory_size(fd, &bytes)) return NULL;
  struct lives *lives =
      bytes < sizeof *lives ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (lives == MAP_FAILED) return NULL;
  if (lives->magic == LIVES_MAGIC && lives->mutex_bytes == sizeof(pthread_mutex_t) &&
      lives->slots > 0 && lives->slots <= SLOTS_MOST && bytes == bytes_for((int32_t)lives->slots))
    return lives;
  munmap(lives, bytes);
  errno = EINVAL;
  return NULL;
}

napi_value create_lives(napi_env env, napi_callback_info info) {
  int32_t slots;
  if (!fd_argument(env, info, &slots)) return NULL;
  if (slots < 1 || slots > SLOTS_MOST) return range_error(env, "slots: expected 1 to 256");
  int fd = new_memory("tapvs-lives", bytes_for(slots));
  if (fd < 0) return system_error(env, errno, "memory of lives", "", "");
  struct lives *lives =
      mmap(NULL, bytes_for(slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int error = lives == MAP_FAILED ? errno : 0;
  pthread_mutexattr_t attributes;
  if (!error) error = pthread_mutexattr_init(&attributes);
  if (!error) error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (!error) error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  for (int32_t i = 0; !error && i < slots; i++)
    error = pthread_mutex_init(&lives->slot[i].mutex, &attributes);
  if (error) {
    close(fd);
    return system_error(env, error, "locks of lives", "", "");
  }
  lives->slots = (uint32_t)slots;
  lives->mutex_bytes = sizeof(pthread_mutex_t);
  lives->magic = LIVES_MAGIC;
  munmap(lives, bytes_for(slots));
  return integer(env, fd);
}

/* The mapping stays as long as the process: the kernel looks there when the thread ends. */
napi_value live(napi_env env, napi_callback_info info) {
  napi_value args[2], handle;
  int32_t v[2];
  if (!arguments(env, info, 2, args) || !integers(env, args, 2, v)) return NULL;
  struct lives *lives = lives_of(v[0]);
  if (!lives) return system_error(env, errno, "lives", "", "");
  if (v[1] < 0 || (uint32_t)v[1] >= lives->slots) return range_error(env, "slot: there is none");
  pthread_mutex_t *mutex = &lives->slot[v[1]].mutex;
  int error = pthread_mutex_trylock(mutex);
  /* Of a thread of this process that has ended. */
  if (error == EOWNERDEAD) error = pthread_mutex_consistent(mutex);
  if (error) return system_error(env, error, "lock of a life", "", "");
  if (v[1] == 0) lives->pid = getpid();
  if (napi_create_external(env, mutex, NULL, NULL, &handle) != napi_ok) return NULL;
  return napi_type_tag_object(env, handle, &LIFE_TAG) == napi_ok ? handle : NULL;
}

/* => the lock of the only argument, or NULL and an exception pends */
static void *life_argument(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void *mutex;
  bool ours = false;
  napi_valuetype type;
  if (!arguments(env, info, 1, args) || napi_typeof(env, args[0], &type) != napi_ok) return NULL;
  if (type == napi_external &&
      napi_check_object_type_tag(env, args[0], &LIFE_TAG, &ours) == napi_ok && ours &&
      napi_get_value_external(env, args[0], &mutex) == napi_ok)
    return mutex;
  type_error(env, "life: expected what live() returned");
  return NULL;
}

static napi_value unlocked(napi_env env, pthread_mutex_t *mutex) {
  int error = pthread_mutex_unlock(mutex);
  return error ? system_error(env, error, "end of a life", "", "") : NULL;
}

napi_value resign(napi_env env, napi_callback_info info) {
  pthread_mutex_t *mutex = life_argument(env, info);
  return mutex ? unlocked(env, mutex) : NULL;
}

napi_value hand_over(napi_env env, napi_callback_info info) {
  pthread_mutex_t *mutex = life_argument(env, info);
  if (!mutex) return NULL;
  /* Of slot 0, so that the head of the memory is in front of it. */
  struct lives *lives = (struct lives *)((char *)mutex - offsetof(struct lives, slot));
  if (((uintptr_t)lives & 4095) != 0) return range_error(env, "life: expected that of slot 0");
  __atomic_store_n(&lives->handed_over, 1, __ATOMIC_SEQ_CST);
  return unlocked(env, mutex);
}

struct watch {
  struct lives *lives;
  int event;
  /* Of the process, which a pid alone could be of another by the end; -1 where that is not known. */
  int process;
};

/* What was killed is taken apart by the kernel in its own name, tens of ms without a pause on a processor that whoever goes on may need. Its
 * session's share comes first: where sessions share the processors (sched_autogroup), what is nice in one says nothing to others. */
static void put_behind(struct watch watch) {
  int32_t pid = watch.lives->pid;
  char path[sizeof "/proc/2147483647/autogroup"];
  if (watch.process < 0 || syscall(SYS_pidfd_send_signal, watch.process, 0, NULL, 0) < 0) return;
  snprintf(path, sizeof path, "/proc/%d/autogroup", pid);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t nice = write(fd, "19", 2);
    (void)nice; /* it stays where only root may change it */
    close(fd);
  }
  /* Each thread has its own; a keeper starts a daemon as the first of a group. */
  setpriority(PRIO_PGRP, (id_t)pid, 19);
}

/* Slot 0 is that of the main thread, with which all others end. A lock that is free was let go, or never taken: then the thread
 * has no share in anything any more, or not yet, and the process is at its end. */
static void *wait_for_ends(void *data) {
  struct watch watch = *(struct watch *)data;
  uint64_t one = 1;
  free(data);
  bool died = pthread_mutex_lock(&watch.lives->slot[0].mutex) == EOWNERDEAD;
  if (died || __atomic_load_n(&watch.lives->handed_over, __ATOMIC_SEQ_CST)) {
    for (uint32_t i = 1; i < watch.lives->slots; i++)
      pthread_mutex_lock(&watch.lives->slot[i].mutex);
    ssize_t told = write(watch.event, &one, sizeof one);
    (void)told; /* a counter that is 0 has room */
    if (died) put_behind(watch);
  }
  if (watch.process >= 0) close(watch.process);
  return NULL;
}

napi_value watch_lives(napi_env env, napi_callback_info info) {
  int32_t fd;
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  if (!fd_argument(env, info, &fd)) return NULL;
  struct watch *watch = malloc(sizeof *watch);
  if (!watch) return system_error(env, ENOMEM, "watch", "", "");
  watch->lives = lives_of(fd);
  watch->event = watch->lives ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
  int event = watch->event;
  watch->process = watch->lives && watch->lives->pid > 0
                       ? (int)syscall(SYS_pidfd_open, watch->lives->pid, 0)
                       : -1;
  int error = event < 0 ? errno : pthread_attr_init(&attributes);
  if (!error) {
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* Signals are for Node's threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, wait_for_ends, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
  }
  if (!error) return integer(env, event);
  if (event >= 0) close(event);
  if (watch->process >= 0) close(watch->process);
  free(watch);
  return system_error(env, error, "watch lives", "", "");
}
