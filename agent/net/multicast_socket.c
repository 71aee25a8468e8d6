/* The system's sockets for multicast: options, membership, packets with their interface.
 *
 * The loop's own UDP handles do not tell the hop limit, the interface and the group of a packet,
 * on which it depends whether it is heard; so packets are read and sent here.
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define TTL_V4 1
#define HOPS_V6 255

#define CONTROL_SIZE (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)))
_Static_assert(sizeof(struct in_pktinfo) <= sizeof(struct in6_pktinfo), "either fits");

typedef union control {
    struct cmsghdr align;
    uint8_t bytes[CONTROL_SIZE];
} control;

typedef struct option {
    int level, name, value;
} option;

void multicast_group(uint8_t family, uint8_t out[16]) {
    static const uint8_t v4[16] = {239, 255, 109, 104};
    static const uint8_t v6[16] = {0xff, 0x12, [12] = 0x6d, 0x73, 0x68, 0x31};
    WR_ASSERT(family == 4 || family == 6);
    memcpy(out, family == 4 ? v4 : v6, 16);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The port is shared by all agents of a host, each of which hears every packet; and of the groups
 * only what this socket itself has joined.
 * spec:beacon#3.1 "Packets to the IPv4 group MUST leave with TTL 1."
 * spec:beacon#3.1 "Packets to the IPv6 group MUST leave with hop limit 255." */
static const option options_v4[] = {
    {SOL_SOCKET, SO_REUSEADDR, 1},      {IPPROTO_IP, IP_MULTICAST_TTL, TTL_V4},
    {IPPROTO_IP, IP_MULTICAST_LOOP, 1}, {IPPROTO_IP, IP_MULTICAST_ALL, 0},
    {IPPROTO_IP, IP_PKTINFO, 1},
};
static const option options_v6[] = {
    {SOL_SOCKET, SO_REUSEADDR, 1},
    {IPPROTO_IPV6, IPV6_V6ONLY, 1},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOPS_V6},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
};

static wr_err set_options(int fd, const option *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (setsockopt(fd, list[i].level, list[i].name, &list[i].value, sizeof list[i].value) != 0)
            return WR_ERR_IO;
    return WR_OK;
}

/* IPv4 is bound to the group, so that packets to the host itself do not even arrive.  An IPv6
 * group would bind to a single interface. */
static wr_err bind_to(int fd, uint8_t family, uint16_t port) {
    struct sockaddr_storage storage;
    net_addr at = {.family = family, .port = port};
    if (family == 4)
        multicast_group(family, at.ip);
    net_addr_to_system(&at, &storage);
    socklen_t len = family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (bind(fd, (const struct sockaddr *)&storage, len) == 0)
        return WR_OK;
    return errno == EADDRINUSE ? WR_ERR_BUSY : WR_ERR_IO;
}

wr_err multicast_socket_open(uint8_t family, uint16_t port, int *ret_fd) {
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return WR_ERR_IO;
    wr_err err = family == 4 ? set_options(fd, options_v4, WR_COUNT(options_v4))
                             : set_options(fd, options_v6, WR_COUNT(options_v6));
    if (err == WR_OK)
        err = bind_to(fd, family, port);
    if (err != WR_OK) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return WR_OK;
}

void multicast_socket_join(int fd, uint8_t family, uint32_t interface) {
    uint8_t group[16];
    multicast_group(family, group);
    if (family == 4) {
        struct ip_mreqn v4 = {.imr_ifindex = (int)interface};
        memcpy(&v4.imr_multiaddr, group, sizeof v4.imr_multiaddr);
        (void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof v4);
        return;
    }
    struct ipv6_mreq v6 = {.ipv6mr_interface = interface};
    memcpy(&v6.ipv6mr_multiaddr, group, sizeof v6.ipv6mr_multiaddr);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof v6);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Interface and source address of one packet. */
static void put_info(struct msghdr *message, control *room, const multicast_link *link) {
    struct in_pktinfo v4 = {.ipi_ifindex = (int)link->interface};
    struct in6_pktinfo v6 = {.ipi6_ifindex = link->interface};
    memcpy(&v4.ipi_spec_dst, link->own.ip, sizeof v4.ipi_spec_dst);
    memcpy(&v6.ipi6_addr, link->own.ip, sizeof v6.ipi6_addr);
    bool is_v4 = link->own.family == 4;
    size_t size = is_v4 ? sizeof v4 : sizeof v6;
    memset(room, 0, sizeof *room);
    message->msg_control = room->bytes;
    message->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    head->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
    head->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(head), is_v4 ? (const void *)&v4 : (const void *)&v6, size);
}

bool multicast_socket_send(int fd, uint16_t port, const multicast_link *link,
                           const uint8_t bytes[NET_MULTICAST_BYTES]) {
    struct sockaddr_storage storage;
    uint8_t copy[NET_MULTICAST_BYTES];
    control room;
    net_addr to = {.family = link->own.family, .port = port};
    multicast_group(to.family, to.ip);
    to.scope = to.family == 6 ? link->interface : 0;
    net_addr_to_system(&to, &storage);
    memcpy(copy, bytes, sizeof copy); /* the system's type is not const */
    struct iovec iov = {copy, sizeof copy};
    struct msghdr message = {.msg_name = &storage, .msg_iov = &iov, .msg_iovlen = 1};
    message.msg_namelen = to.family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    put_info(&message, &room, link);
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof copy;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void take_info(const struct cmsghdr *head, multicast_packet *packet) {
    if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo v4;
        memcpy(&v4, CMSG_DATA(head), sizeof v4);
        memcpy(packet->group, &v4.ipi_addr, sizeof v4.ipi_addr);
        packet->interface = (uint32_t)v4.ipi_ifindex;
    }
    if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo v6;
        memcpy(&v6, CMSG_DATA(head), sizeof v6);
        memcpy(packet->group, &v6.ipi6_addr, sizeof v6.ipi6_addr);
        packet->interface = v6.ipi6_ifindex;
    }
    if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_HOPLIMIT)
        memcpy(&packet->hops, CMSG_DATA(head), sizeof packet->hops);
}

bool multicast_socket_receive(int fd, multicast_packet *ret_packet) {
    struct sockaddr_storage storage;
    control room;
    *ret_packet = (multicast_packet){.hops = -1};
    struct iovec iov = {ret_packet->bytes, sizeof ret_packet->bytes};
    struct msghdr message = {.msg_name = &storage,
                             .msg_namelen = sizeof storage,
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof room.bytes};
    memset(&storage, 0, sizeof storage);
    ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT);
    if (len < 0)
        return false;
    ret_packet->len = (size_t)len;
    net_addr_from_system((const struct sockaddr *)&storage, &ret_packet->from);
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
         head = CMSG_NXTHDR(&message, head))
        take_info(head, ret_packet);
    return true;
}
