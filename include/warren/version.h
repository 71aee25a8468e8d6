/* Version of the agent, its library and its local RPC.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WARREN_VERSION_H
#define WARREN_VERSION_H

#define WARREN_VERSION "0.1.0"
#define WARREN_RPC_VERSION 1

#endif /* WARREN_VERSION_H */
