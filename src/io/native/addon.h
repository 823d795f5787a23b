/* An arm of the balancer as the kernel sees it: one or more queues of a TAP in some network
 * namespace, read and written in bursts between the kernel and one arena that TypeScript owns. A NIC has
 * a TAP behind it, and the programs that join the two (tcx.c).
 *
 * The addon knows no protocols: whether a frame is valid is the engine's business. It must never
 * write outside the arena, whatever the descriptors say, and never leave a thread in a namespace it
 * did not ask for.
 *
 * The main thread and each worker load their own exports and there is no static state, so nothing
 * needs a lock. Before changing it read Documentation/networking/tuntap.rst and drivers/net/tun.c.
 *
 * This header comes before every other: the two macros below decide what the others declare.
 */
#ifndef TAPVS_ADDON_H
#define TAPVS_ADDON_H

#define _GNU_SOURCE
#define NAPI_VERSION 8

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* addon.c: results. An error leaves an exception pending and returns NULL; its tap and netns name
 * what the step was about, '' for nothing. */
napi_value integer(napi_env env, int32_t value);
napi_value type_error(napi_env env, const char *message);
napi_value range_error(napi_env env, const char *message);
napi_value system_error(napi_env env, int error, const char *step, const char *tap,
                        const char *netns);

/* addon.c: arguments. => false when they are not what the caller needs: return NULL then. */
bool arguments(napi_env env, napi_callback_info info, size_t n, napi_value *args);
bool integers(napi_env env, const napi_value *args, size_t n, int32_t *values);
bool text(napi_env env, napi_value arg, char *buffer, size_t size, const char *complaint);
bool fd_argument(napi_env env, napi_callback_info info, int32_t *fd);

/* tap.c: enter_netns_file moves this thread into the namespace; => a descriptor of the one it left, or -1 with errno
 * and the thread unmoved. leave_netns_file goes back and closes it, or ends the process in `caller`'s name. */
int enter_netns_file(const char *netns);
void leave_netns_file(int previous, const char *caller);
int open_own_netns(void);
napi_value open_tap(napi_env env, napi_callback_info info);
napi_value close_fd(napi_env env, napi_callback_info info);
napi_value duplicate_fd(napi_env env, napi_callback_info info);
napi_value unpersist_tap(napi_env env, napi_callback_info info);
napi_value enter_netns(napi_env env, napi_callback_info info);
napi_value leave_netns(napi_env env, napi_callback_info info);

/* netns.c: open_socket_in => a socket of the namespace ('' is the thread's own), or -1 with errno and the step that failed. */
int open_socket_in(const char *netns, int family, int type, int protocol, const char **step);
napi_value set_up_device(napi_env env, napi_callback_info info);
napi_value socket_in(napi_env env, napi_callback_info info);
napi_value join_groups(napi_env env, napi_callback_info info);

/* addresses.c */
napi_value kernel_addresses(napi_env env, napi_callback_info info);

/* netns6.c */
napi_value set_up_device6(napi_env env, napi_callback_info info);

/* link.c: wish_for has the kernel do what a message of rtnetlink with NLM_F_ACK says => 0, or -1 with errno */
struct nlmsghdr;
int wish_for(int s, const struct nlmsghdr *wish);
napi_value link_flags(napi_env env, napi_callback_info info);
napi_value ask_link(napi_env env, napi_callback_info info);
napi_value netns_of_tap(napi_env env, napi_callback_info info);

/* process.c */
napi_value notify(napi_env env, napi_callback_info info);
napi_value give_up_rights(napi_env env, napi_callback_info info);
napi_value confine_this_thread(napi_env env, napi_callback_info info);
napi_value confine_all_threads(napi_env env, napi_callback_info info);
napi_value new_netns(napi_env env, napi_callback_info info);

/* steering.c: load_program => a descriptor of the program, of a type of bpf.h, as an integer */
napi_value load_program(napi_env env, uint32_t type, const void *program, size_t bytes);
napi_value steer(napi_env env, napi_callback_info info);

/* tcx.c */
napi_value load_classifier(napi_env env, napi_callback_info info);
napi_value attach_tcx(napi_env env, napi_callback_info info);
napi_value update_link(napi_env env, napi_callback_info info);
napi_value count_tcx(napi_env env, napi_callback_info info);
napi_value link_facts(napi_env env, napi_callback_info info);
napi_value set_up_tap(napi_env env, napi_callback_info info);

/* messages.c: carry_fds has a message carry copies of descriptors, SCM_MAX_FD of the kernel at most, in a room that outlives the call. */
#define FDS_MOST 253
union fd_room {
  struct cmsghdr head;
  char bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
};
void carry_fds(struct msghdr *message, union fd_room *room, const void *fds, size_t count);
/* hold.c: new_memory => a descriptor, -1 with errno; memory_size => whether it is one that new_memory made, else errno */
int new_memory(const char *name, uint64_t bytes);
bool memory_size(int fd, uint64_t *bytes);
napi_value socket_pair(napi_env env, napi_callback_info info);
napi_value stream_pair(napi_env env, napi_callback_info info);
napi_value send_fds(napi_env env, napi_callback_info info);
napi_value receive_fds(napi_env env, napi_callback_info info);
napi_value create_memory(napi_env env, napi_callback_info info);
napi_value size_of_memory(napi_env env, napi_callback_info info);
napi_value end_of_data(napi_env env, napi_callback_info info);
napi_value map_memory(napi_env env, napi_callback_info info);
napi_value copy_memory(napi_env env, napi_callback_info info);
napi_value share_copy(napi_env env, napi_callback_info info);

/* exec.c */
napi_value lock_memory(napi_env env, napi_callback_info info);
napi_value unlock_memory(napi_env env, napi_callback_info info);
napi_value wait_child(napi_env env, napi_callback_info info);
napi_value execute(napi_env env, napi_callback_info info);
/* life.c */
napi_value create_lives(napi_env env, napi_callback_info info);
napi_value live(napi_env env, napi_callback_info info);
napi_value resign(napi_env env, napi_callback_info info);
napi_value hand_over(napi_env env, napi_callback_info info);
napi_value watch_lives(napi_env env, napi_callback_info info);

/* ring.c */
napi_value open_ring(napi_env env, napi_callback_info info);

/* bursts.c */
bool view(napi_env env, napi_value arg, napi_typedarray_type wanted, size_t *length, void **memory,
          napi_value *buffer);
napi_value attach(napi_env env, napi_callback_info info);
napi_value read_burst(napi_env env, napi_callback_info info);
napi_value write_burst(napi_env env, napi_callback_info info);
napi_value wait_fds(napi_env env, napi_callback_info info);
napi_value create_waker(napi_env env, napi_callback_info info);
napi_value wake(napi_env env, napi_callback_info info);
napi_value drain_waker(napi_env env, napi_callback_info info);

#endif
