/* What the server keeps of its rights once it runs: no new privileges, no file and no connection of
 * its own making (app/landlock.h), no system call but those of the tick (app/seccomp.h). */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>

#include "net/socket.h"
#include "server/landlock.h"
#include "server/seccomp.h"

struct sandbox {
    bool is_on;
    bool is_bound; /* sandbox_bind did its part */
    bool has_no_privileges;
    int abi; /* of Landlock; 0: it is not in force */
    struct landlock landlock;
    struct seccomp_needs needs;
};

/* Begins a sandbox in which nothing is allowed but what is open; or none at all, where it is off.
 * Exceptions are made while the folders can still be opened: before root's rights are given up. */
void sandbox_init(struct sandbox *s, bool is_on);

/* Lets the files beneath a folder be read. */
void sandbox_allow_reading(struct sandbox *s, const char *folder);

/* Lets a file be read again, also where another one was put in its place. Rights are those of
 * folders: all that lies beneath the folder of the file can be read then, as far as its owner
 * allows. */
void sandbox_allow_rereading(struct sandbox *s, const char *file);

/* Lets a file be removed. Rights are those of folders: all that lies beneath the folder of the file
 * can be removed then, as far as its owner allows. */
void sandbox_allow_removing(struct sandbox *s, const char *file);

/* Lets files beneath a folder be made, written, renamed and removed: `fd` is that folder, too. */
void sandbox_allow_writing(struct sandbox *s, const char *path, int fd);

/* Lets connections be made to this address: by Landlock to its port alone, where that can. */
void sandbox_allow_connecting(struct sandbox *s, const struct socket_address *address);

/* Lets descriptors be received, over sockets that are open. */
void sandbox_allow_handing(struct sandbox *s);

/* Gives up the files and the network. Threads that are to be in the sandbox are started behind
 * this. */
void sandbox_bind(struct sandbox *s);

/* A thread of the program tells another one by this eventfd. */
void sandbox_allow_telling(struct sandbox *s, int event);

/* Enters it, for ever, as far as this kernel can, and says in one line of the log what is in force.
 * Frees the object. */
void sandbox_enter(struct sandbox *s);

#endif
