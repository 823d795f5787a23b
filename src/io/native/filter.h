/* Filters of system calls (seccomp). It knows nothing of Node, so that a test can install the same ones. */
#ifndef TAPVS_FILTER_H
#define TAPVS_FILTER_H

/* For good, and for what the thread starts from then on; the thread can gain no right any more. => 0, or -1 with errno
 * and the step that failed: ENOSYS where there is no filter for this machine, EINVAL for a kernel without them. */

/* The calling thread: only what a packet thread needs between two bursts, and of rings the one of descriptor `ring` (-1 is
 * none). What no packet thread ever asks for, whatever
 * goes wrong in it, ends the process by SIGSYS; the rest is refused with EPERM. */
int confine_thread(int ring, const char **step);

/* All threads of the process, the ones that are there already too: what no part of a daemon needs is refused with EPERM,
 * and every ring that does not look like ours. Only before one of them has a filter of its own: EBUSY. */
int confine_process(const char **step);

#endif
