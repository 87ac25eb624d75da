/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_SIGNALS_H
#define OMB_UTIL_SIGNALS_H

/*
 * signals -- which signals mean what, the same in every process of the program.
 *
 * SIGPIPE and SIGXFSZ mean nothing: what cannot be written is an error of the write (EPIPE, EFBIG),
 * and a reader that has gone away must not take a measurement along.  SIGINT, SIGTERM and SIGHUP
 * (the terminal is gone) ask for the end; a program that was started with SIGHUP ignored, as nohup
 * does, goes on.
 */

#include <signal.h>

/* Ignores SIGPIPE and SIGXFSZ.  Children inherit it. */
void signals_ignore_lost_output(void);

/* The signals that ask for the end, for sigprocmask and signalfd. */
void signals_of_the_end(sigset_t *set);

#endif
