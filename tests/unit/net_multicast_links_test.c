/* Multicast over links: two ends of a virtual cable in a network namespace of the test's own, so
 * that nothing reaches the links of this host.  Where the system gives no namespace it is skipped.
 *
 *   one0  10.77.0.1/24 fe80::a ──── two0  10.77.0.2/24 fe80::b      lo  127.0.0.1/8 10.79.0.1/32
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SKIPPED 77
#define GIVE_UP_MS 20000u
#define HEARD_MAX 128u
#define PORT NET_MULTICAST_PORT /* nobody else is in this namespace */

typedef struct ear {
    loop *l;
    net_multicast *m;
    uint8_t last;        /* packets that start so end the test .. */
    unsigned last_count; /* .. when so many were heard */
    unsigned count;
    uint8_t first[HEARD_MAX];
    net_multicast_place place[HEARD_MAX];
} ear;

typedef struct scene {
    net *n;
    loop *l;
    loop_timer *give_up;
    ear ear;
} scene;

static void too_late(void *ctx) {
    (void)ctx;
    fail_msg("nothing happened for %u ms", GIVE_UP_MS);
}

static void hear(void *ctx, wr_slice packet, const net_multicast_place *place) {
    ear *e = (ear *)ctx;
    T_TRUE(e->count < HEARD_MAX);
    e->first[e->count] = packet.ptr[0];
    e->place[e->count++] = *place;
    if (packet.ptr[0] == e->last && --e->last_count == 0)
        loop_stop(e->l);
}

static void ignore(void *ctx, wr_slice packet, const net_multicast_place *place) {
    (void)ctx;
    (void)packet;
    (void)place;
}

static void open_with(net *n, net_multicast_scope scope, net_multicast_fn fn, void *ctx,
                      net_multicast **ret_m) {
    net_multicast_config config = {.port = PORT, .scope = scope, .fn = fn, .ctx = ctx};
    T_OK(net_multicast_open(n, &config, ret_m));
}

static void setup(scene *s, net_mode mode, uint8_t last, unsigned last_count) {
    *s = (scene){.ear = {.last = last, .last_count = last_count}};
    T_OK(loop_open(&s->l));
    T_OK(net_open(s->l, mode, &s->n));
    T_OK(loop_timer_new(s->l, too_late, s, &s->give_up));
    loop_timer_set(s->give_up, wr_mono_add(loop_now(s->l).mono, GIVE_UP_MS));
    s->ear.l = s->l;
    open_with(s->n, NET_MULTICAST_LINKS, hear, &s->ear, &s->ear.m);
}

static void teardown(scene *s) {
    net_multicast_close(s->ear.m);
    net_close(s->n);
    loop_timer_free(s->give_up);
    loop_close(s->l);
}

static bool is_addr(const net_addr *addr, const char *text) {
    net_addr want = {0};
    T_OK(net_addr_parse(wr_slice_str(text), &want));
    want.port = addr->port;
    return net_addr_equal(addr, &want);
}

static unsigned heard_from(const ear *e, const char *text) {
    unsigned count = 0;
    for (unsigned i = 0; i < e->count; i++)
        count += is_addr(&e->place[i].sender, text) ? 1 : 0;
    return count;
}

static unsigned heard_first(const ear *e, uint8_t first) {
    unsigned count = 0;
    for (unsigned i = 0; i < e->count; i++)
        count += e->first[i] == first ? 1 : 0;
    return count;
}

/* ---- sending -------------------------------------------------------------------------------- */

typedef struct speech {
    uint8_t first;
    unsigned count;
    net_multicast_place place[16];
} speech;

static bool speak(void *ctx, const net_multicast_place *place, uint8_t out[NET_MULTICAST_BYTES]) {
    speech *said = (speech *)ctx;
    T_TRUE(said->count < 16);
    said->place[said->count++] = *place;
    memset(out, said->first, NET_MULTICAST_BYTES);
    return true;
}

static void a_packet_goes_out_on_every_link_from_its_address(void **state) {
    (void)state;
    static const char *const from[] = {"127.0.0.1:0", "10.77.0.1:0", "10.77.0.2:0",
                                       "[fe80::a%one0]:0", "[fe80::b%two0]:0"};
    scene s;
    speech said = {.first = 1};
    /* Each is heard on its own link, those of the cable at its other end, too. */
    setup(&s, NET_LAN_ONLY, 1, 9);
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 5);
    T_EQ(said.count, 5);
    T_OK(loop_run(s.l));
    for (unsigned i = 0; i < WR_COUNT(from); i++) {
        unsigned asked = 0;
        for (unsigned k = 0; k < said.count; k++)
            asked += is_addr(&said.place[k].sender, from[i]) ? 1 : 0;
        T_EQ(asked, 1);
        /* The scope of a link-local source is the interface that heard it: once its own. */
        T_EQ(heard_from(&s.ear, from[i]), i == 1 || i == 2 ? 2 : 1);
    }
    T_EQ(heard_from(&s.ear, "[fe80::a%two0]:0"), 1);
    T_EQ(heard_from(&s.ear, "[fe80::b%one0]:0"), 1);
    for (unsigned i = 0; i < s.ear.count; i++) {
        const net_multicast_place *place = &s.ear.place[i];
        static const uint8_t v6[16] = {0xff, 0x12, [12] = 0x6d, 0x73, 0x68, 0x31};
        static const uint8_t v4[16] = {239, 255, 109, 104};
        T_EQ(place->family, place->sender.family);
        T_MEM(place->group, place->family == 6 ? v6 : v4, 16);
        T_EQ(place->port, PORT);
    }
    teardown(&s);
}

/* A plain receiver at one end of the cable, bound and joined by the test itself. */
static int sniffer(int family) {
    const int one = 1;
    int fd = socket(family, SOCK_DGRAM, 0);
    T_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    if (family == AF_INET) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
        struct ip_mreqn group = {.imr_multiaddr = {htonl(0xefff6d68u)},
                                 .imr_ifindex = (int)if_nametoindex("two0")};
        T_EQ(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), 0);
        T_EQ(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &(int){0}, sizeof one), 0);
        T_EQ(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof one), 0);
        T_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
        return fd;
    }
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    struct ipv6_mreq group = {.ipv6mr_interface = if_nametoindex("two0"),
                              .ipv6mr_multiaddr = {{{0xff, 0x12, [12] = 0x6d, 0x73, 0x68, 0x31}}}};
    T_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one), 0);
    T_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof group), 0);
    T_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &(int){0}, sizeof one), 0);
    T_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof one), 0);
    T_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* The hops that the next packet has left. */
static int sniff(int fd, uint8_t *ret_first) {
    uint8_t bytes[NET_MULTICAST_BYTES];
    _Alignas(struct cmsghdr) uint8_t control[64];
    struct timeval give_up = {.tv_sec = GIVE_UP_MS / 1000};
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int hops = -1;
    T_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &give_up, sizeof give_up), 0);
    T_EQ(recvmsg(fd, &message, 0), NET_MULTICAST_BYTES);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head == NULL)
        fail_msg("the system does not tell the hops");
    else
        memcpy(&hops, CMSG_DATA(head), sizeof hops);
    *ret_first = bytes[0];
    return hops;
}

static void packets_do_not_get_beyond_a_router(void **state) {
    (void)state;
    /* spec:beacon#3.1 type=test "Packets to the IPv4 group MUST leave with TTL 1."
     * spec:beacon#3.1 type=test "Packets to the IPv6 group MUST leave with hop limit 255." */
    scene s;
    speech said = {.first = 7};
    uint8_t first;
    setup(&s, NET_FULL, 0, 0);
    int v4 = sniffer(AF_INET), v6 = sniffer(AF_INET6);
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 5);
    T_EQ(sniff(v4, &first), 1);
    T_EQ(first, 7);
    T_EQ(sniff(v6, &first), 255);
    T_EQ(first, 7);
    (void)close(v4);
    (void)close(v6);
    teardown(&s);
}

static void in_loopback_scope_no_link_hears_anything(void **state) {
    (void)state;
    /* spec:beacon#3.2 type=test "An agent without a listen address beyond loopback MUST send on
     * loopback only." */
    scene s;
    net_multicast *quiet = NULL;
    speech said = {.first = 1}, after = {.first = 2};
    setup(&s, NET_FULL, 2, 9);
    open_with(s.n, NET_MULTICAST_LOOPBACK, ignore, NULL, &quiet);
    T_EQ(net_multicast_send(quiet, speak, &said), 1);
    T_EQ(net_multicast_send(s.ear.m, speak, &after), 5);
    T_OK(loop_run(s.l));
    T_EQ(heard_first(&s.ear, 1), 1);
    T_TRUE(is_addr(&s.ear.place[0].sender, "127.0.0.1:0"));
    T_EQ(s.ear.first[0], 1);
    net_multicast_close(quiet);
    teardown(&s);
}

static void in_loopback_scope_nothing_of_a_link_is_heard(void **state) {
    (void)state;
    scene s;
    speech said = {.first = 1};
    ear narrow = {.last = 1, .last_count = 1};
    setup(&s, NET_FULL, 0, 0);
    narrow.l = s.l;
    open_with(s.n, NET_MULTICAST_LOOPBACK, hear, &narrow, &narrow.m);
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 5);
    said = (speech){.first = 1};
    narrow.last_count = 2;
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 5);
    T_OK(loop_run(s.l));
    T_EQ(narrow.count, 2); /* of ten */
    T_EQ(heard_from(&narrow, "127.0.0.1:0"), 2);
    net_multicast_close(narrow.m);
    teardown(&s);
}

/* ---- hearing -------------------------------------------------------------------------------- */

static void send_v6(const char *text, int hops, uint8_t first) {
    struct sockaddr_storage from, to;
    net_addr own = {0}, group = {.family = 6, .port = PORT};
    uint8_t bytes[NET_MULTICAST_BYTES];
    T_OK(net_addr_parse(wr_slice_str(text), &own));
    unsigned interface = own.scope;
    multicast_group(6, group.ip);
    group.scope = interface;
    net_addr_to_system(&own, &from);
    net_addr_to_system(&group, &to);
    memset(bytes, first, sizeof bytes);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    T_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops), 0);
    T_EQ(bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in6)), 0);
    T_EQ(sendto(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in6)),
         sizeof bytes);
    (void)close(fd);
}

static void a_packet_that_a_router_passed_on_is_dropped(void **state) {
    (void)state;
    /* spec:beacon#3.1 type=test "A receiver MUST drop a packet of the IPv6 group that arrives with
     * another hop limit" */
    scene s;
    setup(&s, NET_FULL, 9, 2);
    send_v6("[fe80::a%one0]:0", 254, 1);
    send_v6("[fe80::a%one0]:0", 1, 2);
    send_v6("[fe80::a%one0]:0", 64, 3);
    send_v6("[fe80::a%one0]:0", 255, 9); /* at both ends */
    T_OK(loop_run(s.l));
    T_EQ(s.ear.count, 2);
    teardown(&s);
}

static void send_v4(const char *text, const char *interface, uint8_t first) {
    struct sockaddr_storage from, to;
    net_addr own = {0}, group = {.family = 4, .port = PORT};
    struct ip_mreqn via = {.imr_ifindex = (int)if_nametoindex(interface)};
    uint8_t bytes[NET_MULTICAST_BYTES];
    T_OK(net_addr_parse(wr_slice_str(text), &own));
    multicast_group(4, group.ip);
    net_addr_to_system(&own, &from);
    net_addr_to_system(&group, &to);
    memset(bytes, first, sizeof bytes);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    T_EQ(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof via), 0);
    T_EQ(bind(fd, (struct sockaddr *)&from, sizeof(struct sockaddr_in)), 0);
    T_EQ(sendto(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in)),
         sizeof bytes);
    (void)close(fd);
}

static void a_source_that_is_not_of_the_link_is_dropped(void **state) {
    (void)state;
    /* spec:beacon#3.3 type=test "A receiver MUST drop a packet whose source is not in a prefix of
     * the interface it came by." */
    scene s;
    setup(&s, NET_FULL, 9, 2);
    send_v4("10.79.0.1:0", "one0", 1); /* an address of another interface */
    send_v4("10.77.0.1:0", "lo", 2);
    send_v4("10.77.0.1:0", "one0", 9); /* at both ends */
    T_OK(loop_run(s.l));
    T_EQ(s.ear.count, 2);
    teardown(&s);
}

/* Goes on when it is so; fails if it never gets so. */
#define UNTIL(check) " && timeout 10 sh -c \"until " check "; do :; done\""

static void run(const char *command) {
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void a_link_that_comes_later_is_used_at_the_next_send(void **state) {
    (void)state;
    scene s;
    speech said = {.first = 1};
    /* The kernel tells the other end of a cable a moment later. */
    run("ip link set one0 down" UNTIL("ip -br link show two0 | grep -q LOWERLAYERDOWN"));
    setup(&s, NET_FULL, 1, 1 + 9);
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 1); /* a cable with one end off is off */
    run("ip link set one0 up && ip addr add fe80::a/64 dev one0 nodad" UNTIL(
        "ip -br link show one0 | grep -q ' UP '") UNTIL("ip -br link show two0 | grep -q ' UP '"));
    said = (speech){.first = 1};
    T_EQ(net_multicast_send(s.ear.m, speak, &said), 5);
    T_OK(loop_run(s.l));
    T_EQ(s.ear.count, 10);
    teardown(&s);
}

/* ---- the cable ------------------------------------------------------------------------------ */

static bool write_all(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written;
}

/* As root at once; else as root of a user namespace, which lasts over the exec of ip. */
static bool own_namespace(void) {
    char map[32];
    unsigned uid = (unsigned)getuid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    (void)snprintf(map, sizeof map, "0 %u 1", uid);
    return write_all("/proc/self/uid_map", map);
}

/* Both ends are on one host, so each must take packets from the host's own addresses. */
static bool lay_cable(void) {
    if (system("ip link set lo up && ip addr add 10.79.0.1/32 dev lo && "
               "ip link add one0 type veth peer name two0 && "
               "ip link set one0 addrgenmode none && ip link set two0 addrgenmode none && "
               "ip addr add 10.77.0.1/24 dev one0 && ip addr add 10.77.0.2/24 dev two0 && "
               "ip link set one0 up && ip link set two0 up && "
               "ip addr add fe80::a/64 dev one0 nodad && ip addr add fe80::b/64 dev two0 nodad") !=
        0)
        return false;
    return write_all("/proc/sys/net/ipv4/conf/one0/accept_local", "1") &&
           write_all("/proc/sys/net/ipv4/conf/two0/accept_local", "1") &&
           write_all("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_goes_out_on_every_link_from_its_address),
        cmocka_unit_test(packets_do_not_get_beyond_a_router),
        cmocka_unit_test(in_loopback_scope_no_link_hears_anything),
        cmocka_unit_test(in_loopback_scope_nothing_of_a_link_is_heard),
        cmocka_unit_test(a_packet_that_a_router_passed_on_is_dropped),
        cmocka_unit_test(a_source_that_is_not_of_the_link_is_dropped),
        cmocka_unit_test(a_link_that_comes_later_is_used_at_the_next_send),
    };
    if (!own_namespace() || !lay_cable()) {
        fprintf(stderr, "no network namespace with a veth pair here: skipped\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
