/* The agent: its parts made, connected and taken apart in order; no logic of its own.
 *
 *   agent_open -> agent_run (until agent.stop or a signal) -> agent_close
 *
 *   lock -> config -> diag -> keystore -> store -> loop -> net -> hub -> methods -> server
 *
 * Layer:  agent.  The only place that knows all parts.
 * Owner:  main.c, one per process.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "base/base.h"

#define AGENT_PROBLEM_MAX 2048u

typedef struct agent agent;

typedef struct agent_options {
    const char *home;    /* must exist */
    const char *socket;  /* its folder must exist */
    wr_slice passphrase; /* secret; empty where device.key is not sealed.  Read during open. */
    bool detached;       /* diagnostics go to agent.log */
} agent_options;

/* problem is a line for people that names the file in question.
 *   BUSY     another agent holds this home
 *   REFUSED  wrong passphrase, or device.key is sealed and none was given
 *   FORMAT   warren.conf
 *   CORRUPT, VERSION, IO, NOMEM
 * On failure nothing on disk has changed, but for agent.lock. */
WR_MUST wr_err agent_open(const agent_options *options, agent **ret_agent,
                          char problem[AGENT_PROBLEM_MAX]);
WR_MUST wr_err agent_run(agent *agent);
void agent_close(agent *agent); /* NULL is fine */

#endif /* AGENT_AGENT_H */
