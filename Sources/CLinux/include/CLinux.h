// Linux calls and macros that Swift's importer does not bring over.
#ifndef AUDGATE_CLINUX_H
#define AUDGATE_CLINUX_H

#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>

/// Registers (`EPOLL_CTL_ADD`), changes or removes `fd`; `data` comes back with each of its events.
int audgate_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data);

/// Number of octets of a TCP connection that the peer has acknowledged, SYN included; -1 where the kernel can't tell.
int64_t audgate_tcp_bytes_acknowledged(int fd);

/// Takes a connection (`accept4`) that neither blocks nor is inherited by programs started later.
/// `address` has room for a `sockaddr_storage`.
int audgate_accept(int fd, void *address, uint32_t *length);

/// Opens a wake-up descriptor (`eventfd`) that neither blocks nor is inherited.
int audgate_event_descriptor(void);

/// Names the calling thread for debuggers and `top`; at most 15 characters.
void audgate_name_thread(const char *name);

/// The variables of the environment, `NAME=value` each; a null ends the list.
char *const *audgate_environment(void);

/// Makes a program that is to be started have no descriptor from `from` on.
int audgate_spawn_close_from(posix_spawn_file_actions_t *actions, int from);

#endif
