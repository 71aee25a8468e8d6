/* Starting the agent: finds warrend, runs it detached, waits until it answers.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_START_H
#define CLI_START_H

#include "cli/cli.h"

/* Starts warrend for c's home.  Asks for the passphrase on the terminal where device.key is sealed
 * and passphrase_file is NULL.  Not 0: the exit code; it has been said why. */
int start_agent(cli *c, const char *passphrase_file);
/* Becomes warrend in the foreground; returns only on failure. */
int start_foreground(cli *c, const char *passphrase_file);

#endif /* CLI_START_H */
