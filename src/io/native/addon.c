/* The addon's exports, and what their functions share: arguments in, results and errors out. */
#include "addon.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

napi_value type_error(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return NULL;
}

napi_value range_error(napi_env env, const char *message) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
  return NULL;
}

napi_value system_error(napi_env env, int error, const char *step, const char *tap,
                        const char *netns) {
  char message[PATH_MAX + 160];
  snprintf(message, sizeof message, "%s%s%s%s%s: %s", step, *tap ? " " : "", tap,
           *netns ? " in " : "", netns, strerror(error));
  const char *code = strerrorname_np(error);
  napi_throw_error(env, code ? code : "EUNKNOWN", message);
  return NULL;
}

napi_value integer(napi_env env, int32_t value) {
  napi_value result;
  return napi_create_int32(env, value, &result) == napi_ok ? result : NULL;
}

/* Only whole numbers: napi_get_value_int32 alone would make file descriptor 0 of NaN. */
bool integers(napi_env env, const napi_value *args, size_t n, int32_t *values) {
  for (size_t i = 0; i < n; i++) {
    double value;
    if (napi_get_value_double(env, args[i], &value) != napi_ok ||
        !(value >= INT32_MIN && value <= INT32_MAX) || value != (int32_t)value) {
      type_error(env, "expected an integer of 32 bits");
      return false;
    }
    values[i] = (int32_t)value;
  }
  return true;
}

bool text(napi_env env, napi_value arg, char *buffer, size_t size, const char *complaint) {
  size_t bytes, copied;
  if (napi_get_value_string_utf8(env, arg, NULL, 0, &bytes) != napi_ok || bytes >= size ||
      napi_get_value_string_utf8(env, arg, buffer, size, &copied) != napi_ok ||
      strlen(buffer) != bytes) {
    type_error(env, complaint);
    return false;
  }
  return true;
}

bool arguments(napi_env env, napi_callback_info info, size_t n, napi_value *args) {
  return napi_get_cb_info(env, info, &n, args, NULL, NULL) == napi_ok;
}

bool fd_argument(napi_env env, napi_callback_info info, int32_t *fd) {
  napi_value args[1];
  return arguments(env, info, 1, args) && integers(env, args, 1, fd);
}

NAPI_MODULE_INIT() {
#define EXPORT(name, function) {name, 0, function, 0, 0, 0, napi_enumerable, 0}
  const napi_property_descriptor properties[] = {
      EXPORT("openTap", open_tap),
      EXPORT("closeFd", close_fd),
      EXPORT("duplicateFd", duplicate_fd),
      EXPORT("unpersistTap", unpersist_tap),
      EXPORT("enterNetns", enter_netns),
      EXPORT("leaveNetns", leave_netns),
      EXPORT("setUpDevice", set_up_device),
      EXPORT("setUpDevice6", set_up_device6),
      EXPORT("socketIn", socket_in),
      EXPORT("joinGroups", join_groups),
      EXPORT("kernelAddresses", kernel_addresses),
      EXPORT("linkFlags", link_flags),
      EXPORT("askLink", ask_link),
      EXPORT("netnsOfTap", netns_of_tap),
      EXPORT("newNetns", new_netns),
      EXPORT("notify", notify),
      EXPORT("giveUpRights", give_up_rights),
      EXPORT("confineThread", confine_this_thread),
      EXPORT("confineProcess", confine_all_threads),
      EXPORT("steer", steer),
      EXPORT("loadClassifier", load_classifier),
      EXPORT("attachTcx", attach_tcx),
      EXPORT("updateLink", update_link),
      EXPORT("countTcx", count_tcx),
      EXPORT("linkFacts", link_facts),
      EXPORT("setUpTap", set_up_tap),
      EXPORT("createWaker", create_waker),
      EXPORT("wake", wake),
      EXPORT("drainWaker", drain_waker),
      EXPORT("socketPair", socket_pair),
      EXPORT("streamPair", stream_pair),
      EXPORT("sendFds", send_fds),
      EXPORT("receiveFds", receive_fds),
      EXPORT("createMemory", create_memory),
      EXPORT("sizeOfMemory", size_of_memory),
      EXPORT("endOfData", end_of_data),
      EXPORT("mapMemory", map_memory),
      EXPORT("copyMemory", copy_memory),
      EXPORT("shareCopy", share_copy),
      EXPORT("lockMemory", lock_memory),
      EXPORT("unlockMemory", unlock_memory),
      EXPORT("waitChild", wait_child),
      EXPORT("execute", execute),
      EXPORT("createLives", create_lives),
      EXPORT("live", live),
      EXPORT("resign", resign),
      EXPORT("handOver", hand_over),
      EXPORT("watchLives", watch_lives),
      EXPORT("openRing", open_ring),
      EXPORT("attach", attach),
      EXPORT("readBurst", read_burst),
      EXPORT("writeBurst", write_burst),
      EXPORT("wait", wait_fds),
  };
  size_t n = sizeof properties / sizeof *properties;
  return napi_define_properties(env, exports, n, properties) == napi_ok ? exports : NULL;
}
