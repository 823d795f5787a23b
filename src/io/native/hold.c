/* What outlives the process that made it: memory without a file that lives by its descriptors (memfd), mapped by each thread for
 * itself. How these get to another process, messages.c knows. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 64
/* Since Linux 6.3, and headers of that time. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif
/* Memory that cannot become smaller never ends its reader by SIGBUS. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* A whole number of bytes, which may be more than an int32 has. */
static bool whole(napi_env env, napi_value arg, uint64_t *value) {
  double number;
  if (napi_get_value_double(env, arg, &number) != napi_ok || !(number >= 0 && number < 1LL << 53) ||
      number != (double)(uint64_t)number) {
    type_error(env, "expected a whole number of bytes");
    return false;
  }
  *value = (uint64_t)number;
  return true;
}

int new_memory(const char *name, uint64_t bytes) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

napi_value create_memory(napi_env env, napi_callback_info info) {
  napi_value args[2];
  char name[NAME_BYTES];
  uint64_t bytes;
  if (!arguments(env, info, 2, args) ||
      !text(env, args[0], name, sizeof name, "name: expected at most 63 bytes") ||
      !whole(env, args[1], &bytes))
    return NULL;
  if (bytes == 0) return range_error(env, "bytes: expected some");
  int fd = new_memory(name, bytes);
  return fd < 0 ? system_error(env, errno, "memory", "", "") : integer(env, fd);
}

/* => bytes of memory that new_memory made; EINVAL for anything else, a file on a disk above all */
bool memory_size(int fd, uint64_t *bytes) {
  struct stat about;
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || fstat(fd, &about) < 0) return false;
  *bytes = (uint64_t)about.st_size;
  if ((seals & SEALS) == SEALS) return true;
  errno = EINVAL;
  return false;
}

napi_value size_of_memory(napi_env env, napi_callback_info info) {
  int32_t fd;
  uint64_t bytes;
  napi_value result;
  if (!fd_argument(env, info, &fd)) return NULL;
  if (!memory_size(fd, &bytes)) return system_error(env, errno, "memory", "", "");
  return napi_create_int64(env, (int64_t)bytes, &result) == napi_ok ? result : NULL;
}

/* => how many of these bytes lie before the end of the last page that was ever touched */
napi_value end_of_data(napi_env env, napi_callback_info info) {
  napi_value args[3], result;
  int32_t fd;
  uint64_t offset, bytes;
  if (!arguments(env, info, 3, args) || !integers(env, args, 1, &fd) ||
      !whole(env, args[1], &offset) || !whole(env, args[2], &bytes))
    return NULL;
  off_t from = (off_t)offset, limit = (off_t)(offset + bytes), end = from;
  for (off_t at = from; at < limit;) {
    off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return system_error(env, errno, "data of memory", "", "");
    if (data >= limit) break;
    end = at = hole < limit ? hole : limit;
  }
  return napi_create_int64(env, end - from, &result) == napi_ok ? result : NULL;
}

struct mapping {
  void *start;
  size_t bytes;
};

/* V8 counts every buffer as if a collection of garbage could free it, and begins one for each 64 MiB. These are no memory of this process:
 * what starts with some of them, or goes on with them when a daemon has died, would do little else. `bytes` is negative for one that
 * was made, and positive when V8 has counted its end. */
static void uncount(napi_env env, int64_t bytes) {
  int64_t all;
  napi_adjust_external_memory(env, bytes, &all);
}

static napi_status memory_buffer(napi_env env, void *start, size_t bytes, napi_finalize finalize,
                                 void *hint, napi_value *buffer) {
  napi_status status = napi_create_external_arraybuffer(env, start, bytes, finalize, hint, buffer);
  if (status == napi_ok) uncount(env, -(int64_t)bytes);
  return status;
}

static void unmap(napi_env env, void *data, void *hint) {
  (void)data;
  struct mapping *mapping = hint;
  uncount(env, (int64_t)mapping->bytes);
  munmap(mapping->start, mapping->bytes);
  free(mapping);
}

/* => the arguments of a mapping, checked; false, and an exception pends */
static bool memory_arguments(napi_env env, napi_callback_info info, napi_value *args, int32_t *fd,
                             uint64_t *offset, uint64_t *bytes) {
  uint64_t all;
  if (!arguments(env, info, 3, args) || !integers(env, args, 1, fd) ||
      !whole(env, args[1], offset) || !whole(env, args[2], bytes))
    return false;
  if (!memory_size(*fd, &all)) {
    system_error(env, errno, "map memory", "", "");
    return false;
  }
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  if (*bytes > 0 && *offset % page == 0 && *offset <= all && *bytes <= all - *offset) return true;
  range_error(env, "expected whole pages from an offset on, inside the memory");
  return false;
}

napi_value map_memory(napi_env env, napi_callback_info info) {
  napi_value args[3], buffer;
  int32_t fd;
  uint64_t offset, bytes;
  if (!memory_arguments(env, info, args, &fd, &offset, &bytes)) return NULL;
  struct mapping *mapping = malloc(sizeof *mapping);
  if (!mapping) return system_error(env, ENOMEM, "map memory", "", "");
  mapping->bytes = bytes;
  mapping->start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
  if (mapping->start == MAP_FAILED) {
    int error = errno;
    free(mapping);
    return system_error(env, error, "map memory", "", "");
  }
  if (memory_buffer(env, mapping->start, bytes, unmap, mapping, &buffer) == napi_ok) return buffer;
  munmap(mapping->start, bytes);
  free(mapping);
  /* Electron's V8 has a cage for all buffers. */
  return system_error(env, ENOTSUP, "memory from outside in this node", "", "");
}

/* Memory of a descriptor twice: a copy that is ours alone, with what the memory has, and in reserve what all share. */
struct copy {
  void *own, *shared;
  size_t bytes;
  int owners;
};

static const napi_type_tag COPY_TAG = {0x7461707673617262, 0x636f707900000001};

static void leave_copy(struct copy *copy) {
  if (--copy->owners == 0) free(copy);
}

static void drop_own(napi_env env, void *data, void *hint) {
  (void)data;
  struct copy *copy = hint;
  uncount(env, (int64_t)copy->bytes);
  munmap(copy->own, copy->bytes);
  copy->own = NULL;
  leave_copy(copy);
}

static void drop_shared(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct copy *copy = data;
  if (copy->shared) munmap(copy->shared, copy->bytes);
  copy->shared = NULL;
  leave_copy(copy);
}

/* Pages that are there come into reach now; what was never touched takes no memory by that. That it fails costs time later on. */
static void reach_pages(int fd, char *memory, uint64_t offset, uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  off_t limit = (off_t)(offset + bytes);
  for (off_t at = (off_t)offset; at < limit;) {
    off_t data = lseek(fd, at, SEEK_DATA);
    off_t hole = data < 0 || data >= limit ? -1 : lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return;
    at = hole < limit ? hole : limit;
    if (madvise(memory + (data - (off_t)offset), (size_t)(at - data), MADV_POPULATE_WRITE) < 0)
      return;
  }
#else
  (void)fd, (void)memory, (void)offset, (void)bytes;
#endif
}

/* => [copy, handle] */
napi_value copy_memory(napi_env env, napi_callback_info info) {
  napi_value args[3], both, buffer, handle;
  int32_t fd;
  uint64_t offset, bytes;
  if (!memory_arguments(env, info, args, &fd, &offset, &bytes)) return NULL;
  struct copy *copy = calloc(1, sizeof *copy);
  if (!copy) return system_error(env, ENOMEM, "copy memory", "", "");
  const int rights = PROT_READ | PROT_WRITE;
  copy->bytes = bytes;
  copy->shared = mmap(NULL, bytes, rights, MAP_SHARED, fd, (off_t)offset);
  copy->own = copy->shared == MAP_FAILED
                  ? MAP_FAILED
                  : mmap(NULL, bytes, rights, MAP_PRIVATE | MAP_NORESERVE, fd, (off_t)offset);
  if (copy->own == MAP_FAILED) {
    int error = errno;
    if (copy->shared != MAP_FAILED) munmap(copy->shared, bytes);
    free(copy);
    return system_error(env, error, "copy memory", "", "");
  }
  reach_pages(fd, copy->shared, offset, bytes);
  copy->owners = 1;
  if (napi_create_external(env, copy, drop_shared, NULL, &handle) != napi_ok) {
    munmap(copy->own, bytes);
    munmap(copy->shared, bytes);
    free(copy);
    return NULL;
  }
  if (memory_buffer(env, copy->own, bytes, drop_own, copy, &buffer) != napi_ok) {
    munmap(copy->own, bytes);
    copy->own = NULL;
    return system_error(env, ENOTSUP, "memory from outside in this node", "", "");
  }
  copy->owners = 2;
  if (napi_type_tag_object(env, handle, &COPY_TAG) != napi_ok ||
      napi_create_array_with_length(env, 2, &both) != napi_ok)
    return NULL;
  napi_set_element(env, both, 0, buffer);
  napi_set_element(env, both, 1, handle);
  return both;
}

/* What all share in place of the copy, where that is, with all pages that are in reach. */
napi_value share_copy(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void *data;
  bool ours = false;
  napi_valuetype type;
  if (!arguments(env, info, 1, args) || napi_typeof(env, args[0], &type) != napi_ok) return NULL;
  if (type != napi_external ||
      napi_check_object_type_tag(env, args[0], &COPY_TAG, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, args[0], &data) != napi_ok)
    return type_error(env, "copy: expected what copyMemory() returned");
  struct copy *copy = data;
  if (!copy->own || !copy->shared) return range_error(env, "copy: it is shared, or gone, already");
  if (mremap(copy->shared, copy->bytes, copy->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, copy->own) ==
      MAP_FAILED)
    return system_error(env, errno, "share memory", "", "");
  copy->shared = NULL;
  return NULL;
}
