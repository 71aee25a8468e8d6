/* Packets between simulated hosts, as UDP carries them: for the transports that need it.
 *
 *   open -> { send | packets come } * -> close
 *
 * A packet may be lost, come twice or late, find the queue full, or not pass a NAT; nobody is told.
 * What arrives is whole and unchanged.
 *
 * Owner:  whoever opened a socket closes it, before its net.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_DATAGRAM_SIM_H
#define SIM_DATAGRAM_SIM_H

#include "sim/net_sim.h"

#define NET_SIM_DATAGRAM_BYTES 1472u /* what fits into one frame of Ethernet */

typedef struct net_sim_socket net_sim_socket;

/* From the loop, never from within a call.  from is who sent as seen here, a NAT if there is one.
 * The bytes live during the call, which may close. */
typedef void (*net_sim_datagram_fn)(void *ctx, const net_addr *from, wr_slice bytes);

/* port 0: any.  BUSY: taken. */
WR_MUST wr_err net_sim_socket_open(net *n, uint16_t port, net_sim_datagram_fn fn, void *ctx,
                                   net_sim_socket **ret_socket);
void net_sim_socket_close(net_sim_socket *socket);          /* NULL is fine */
net_addr net_sim_socket_addr(const net_sim_socket *socket); /* its host's own view of it */
/* At most NET_SIM_DATAGRAM_BYTES. */
void net_sim_socket_send(net_sim_socket *socket, const net_addr *to, wr_slice bytes);

#endif /* SIM_DATAGRAM_SIM_H */
