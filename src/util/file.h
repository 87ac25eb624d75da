/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_FILE_H
#define OMB_UTIL_FILE_H

/*
 * file -- whole files in and out.
 *
 * Nothing half-written ever stands under its final name: a draft is written and synced beside it,
 * under a name that nobody can foresee (`.omb-<16 hex digits>.tmp`, opened O_EXCL), and renamed.
 *
 * A device, a FIFO or a socket is never replaced by a file, and a symbolic link is followed: what it
 * leads to is replaced, not the link.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/text.h"

/* Whole content plus a NUL that is not counted in *len.  Caller frees.  A file larger than
 * `max_bytes` is an error. */
char *file_read(const char *path, size_t max_bytes, size_t *len, struct error *err);

/* A file that has no name of its own yet.  Zeroed is none: its text stays where it is. */
struct file_draft {
	char *path;       /* owned */
	struct text text; /* what is not in the file yet: append to it, and pass it on */
	int fd, failure;  /* the latter is an errno */
};

/* The draft stands beside `path`. */
bool file_draft_begin(struct file_draft *d, const char *path, struct error *err);

/* Writes the text away once there is much of it, so that a long file needs little memory.  False: that
 * failed, now or before; file_draft_end tells why. */
bool file_draft_pass(struct file_draft *d);

/* Writes the rest: the draft is complete, and on the disk. */
bool file_draft_end(struct file_draft *d, const char *path, struct error *err);

enum file_placing {
	FILE_REPLACE, /* takes the place of what is there */
	FILE_NEW,     /* the name must be free: else EEXIST, and the draft stays a draft */
};

/* Gives the draft its name, at one instant. */
bool file_draft_place(struct file_draft *d, const char *path, enum file_placing how,
                      struct error *err);

/* Removes a draft that was not placed. */
void file_draft_fini(struct file_draft *d);

/* Writes and places: the file is there as a whole or as it was before. */
bool file_write_atomic(const char *path, const void *data, size_t len, struct error *err);

/* May `path` be written?  Only what is absent or a regular file, perhaps behind symbolic links; a
 * folder with its name is one more reason not to.  ERROR_USAGE, for before anything starts. */
bool file_check_output(const char *path, struct error *err);

/* The same for a folder: absent, or a folder. */
bool file_check_folder(const char *path, struct error *err);

/* The most bytes that a name in this folder may have; 255 where it is not known. */
size_t file_name_max(const char *folder);

/* Locks an open file for this process (children do not inherit it) until it closes any descriptor of
 * the file.  False: another process holds it, in *holder (0: on another host).  A file system without
 * locks grants all. */
bool file_lock(int fd, int *holder);

/* Does another process hold the lock? */
bool file_is_locked(const char *path, int *holder);

/* Creates `path` and its parents (mode 0777 less the umask); existing is fine. */
bool file_make_dirs(const char *path, struct error *err);

/* close() unless fd is negative. */
void file_close(int fd);

/* The part of `path` behind the last slash; borrowed. */
const char *file_base(const char *path);

#endif
