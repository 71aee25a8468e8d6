/* Multicast on the loopback interface: who hears what, how much of it, and how it ends.  Nothing
 * here leaves this host; net_multicast_links_test.c has links of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every wait ends here at the latest; reaching it fails the test. */
#define GIVE_UP_MS 20000u
#define HEARD_MAX 64u

struct scene;

typedef struct ear {
    struct scene *scene;
    net_multicast *m;
    unsigned count;
    unsigned enough; /* stop the loop here */
    bool close_then; /* and close from within the call */
    uint8_t first[HEARD_MAX];
    net_multicast_place place[HEARD_MAX];
} ear;

typedef struct scene {
    loop *l;
    net *n;
    loop_timer *give_up;
    uint16_t port;
    ear ear[2];
} scene;

static void too_late(void *ctx) {
    (void)ctx;
    fail_msg("nothing happened for %u ms", GIVE_UP_MS);
}

/* A UDP port that nobody has, so that tests may run beside each other and beside an agent. */
static uint16_t free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    T_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    T_EQ(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

static void setup(scene *s, net_mode mode) {
    *s = (scene){.port = free_port()};
    T_OK(loop_open(&s->l));
    T_OK(net_open(s->l, mode, &s->n));
    T_OK(loop_timer_new(s->l, too_late, s, &s->give_up));
    loop_timer_set(s->give_up, wr_mono_add(loop_now(s->l).mono, GIVE_UP_MS));
}

static void teardown(scene *s) {
    net_multicast_close(s->ear[0].m);
    net_multicast_close(s->ear[1].m);
    net_close(s->n);
    loop_timer_free(s->give_up);
    loop_close(s->l);
}

static void hear(void *ctx, wr_slice packet, const net_multicast_place *place) {
    ear *e = (ear *)ctx;
    T_EQ(packet.len, NET_MULTICAST_BYTES);
    T_TRUE(e->m != NULL); /* not after close */
    T_TRUE(e->count < HEARD_MAX);
    e->first[e->count] = packet.ptr[0];
    e->place[e->count++] = *place;
    if (e->count != e->enough)
        return;
    if (e->close_then) {
        net_multicast_close(e->m);
        e->m = NULL;
    }
    loop_stop(e->scene->l);
}

static wr_err listen_with(scene *s, unsigned i, unsigned enough) {
    s->ear[i] = (ear){.scene = s, .enough = enough};
    net_multicast_config config = {
        .port = s->port, .scope = NET_MULTICAST_LOOPBACK, .fn = hear, .ctx = &s->ear[i]};
    return net_multicast_open(s->n, &config, &s->ear[i].m);
}

typedef struct speech {
    unsigned asked;
    bool silent;
    uint8_t first;
    net_multicast_place place;
} speech;

static bool speak(void *ctx, const net_multicast_place *place, uint8_t out[NET_MULTICAST_BYTES]) {
    speech *said = (speech *)ctx;
    said->asked++;
    said->place = *place;
    memset(out, said->first, NET_MULTICAST_BYTES);
    return !said->silent;
}

/* A socket of the test's own: what strangers on this host could send. */
static void send_from(uint32_t ip, uint32_t to, uint16_t port, uint8_t first, size_t len) {
    uint8_t bytes[NET_MULTICAST_BYTES + 8];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(ip)}};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct ip_mreqn via = {.imr_ifindex = (int)if_nametoindex("lo")};
    at.sin_addr.s_addr = htonl(to);
    memset(bytes, first, sizeof bytes);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    T_EQ(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof via), 0);
    T_EQ(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    T_EQ(sendto(fd, bytes, len, 0, (struct sockaddr *)&at, sizeof at), len);
    (void)close(fd);
}

#define LOCAL(n) (0x7f000000u + (n)) /* 127.0.0.n */
#define GROUP 0xefff6d68u            /* 239.255.109.104 */

/* ---- hearing -------------------------------------------------------------------------------- */

static void agents_of_one_host_hear_each_other(void **state) {
    (void)state;
    scene s;
    speech said = {.first = 0x5a};
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 0));
    T_OK(listen_with(&s, 1, 1)); /* they share the port */
    T_EQ(net_multicast_send(s.ear[0].m, speak, &said), 1);
    T_EQ(said.asked, 1);     /* by IPv4 on loopback, and nowhere else */
    T_EQ(s.ear[1].count, 0); /* never from within a call */
    T_OK(loop_run(s.l));
    T_EQ(s.ear[1].first[0], 0x5a);
    const net_multicast_place *heard = &s.ear[1].place[0];
    T_EQ(heard->family, 4);
    T_EQ(heard->port, s.port);
    T_MEM(heard->group, said.place.group, 16);
    T_MEM(heard->group, ((const uint8_t[16]){239, 255, 109, 104}), 16);
    T_MEM(heard->sender.ip, ((const uint8_t[16]){127, 0, 0, 1}), 16);
    T_EQ(heard->tcp_port, 0);
    teardown(&s);
}

static void our_own_packets_come_back(void **state) {
    (void)state;
    scene s;
    speech said = {.first = 1};
    setup(&s, NET_LAN_ONLY);
    T_OK(listen_with(&s, 0, 1));
    T_EQ(net_multicast_send(s.ear[0].m, speak, &said), 1);
    T_OK(loop_run(s.l));
    T_EQ(s.ear[0].count, 1);
    teardown(&s);
}

static void refuse(void *ctx, transport *incoming) {
    (void)ctx;
    transport_close(incoming);
}

static void a_place_tells_where_we_listen(void **state) {
    (void)state;
    scene s;
    speech said = {.silent = true};
    net_addr at = {0};
    uint16_t v6_port, v4_port;
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 0));
    T_OK(net_addr_parse(wr_slice_str("[::1]:0"), &at));
    T_OK(net_listen(s.n, &at, refuse, NULL, &v6_port));
    T_EQ(net_multicast_send(s.ear[0].m, speak, &said), 0); /* nothing was given to be sent */
    T_EQ(said.place.tcp_port, 0);                          /* not at that address */
    T_EQ(said.place.sender.port, 0);
    T_OK(net_addr_parse(wr_slice_str("127.0.0.1:0"), &at));
    T_OK(net_listen(s.n, &at, refuse, NULL, &v4_port));
    T_EQ(net_multicast_send(s.ear[0].m, speak, &said), 0);
    T_EQ(said.place.tcp_port, v4_port);
    teardown(&s);
}

static void only_packets_of_the_size_to_the_group_are_heard(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 1));
    send_from(LOCAL(1), GROUP, s.port, 1, NET_MULTICAST_BYTES - 1);
    send_from(LOCAL(1), GROUP, s.port, 2, NET_MULTICAST_BYTES + 1);
    send_from(LOCAL(1), GROUP, s.port, 3, 0);
    send_from(LOCAL(1), LOCAL(1), s.port, 4, NET_MULTICAST_BYTES); /* to the host */
    send_from(LOCAL(1), GROUP, s.port, 5, NET_MULTICAST_BYTES);
    T_OK(loop_run(s.l));
    T_EQ(s.ear[0].first[0], 5);
    teardown(&s);
}

static void a_loud_address_is_cut_off_and_others_are_heard(void **state) {
    (void)state;
    /* spec:beacon#3.3 type=test "Of what is left, a receiver MUST drop unread what exceeds 20
     * packets a second from one address." */
    scene s;
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 21));
    /* All of it waits before the first turn, which has one time: nothing refills. */
    for (unsigned i = 0; i < 30; i++)
        send_from(LOCAL(2), GROUP, s.port, 1, NET_MULTICAST_BYTES);
    send_from(LOCAL(3), GROUP, s.port, 2, NET_MULTICAST_BYTES);
    T_OK(loop_run(s.l));
    for (unsigned i = 0; i < 20; i++)
        T_EQ(s.ear[0].first[i], 1);
    T_EQ(s.ear[0].first[20], 2);
    teardown(&s);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Can the port be had by one who does not share it?  Then no socket of ours is left. */
static bool is_free(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool yes = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return yes;
}

static void closing_is_for_good_and_leaves_no_socket(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 0));
    T_OK(listen_with(&s, 1, 1));
    send_from(LOCAL(1), GROUP, s.port, 1, NET_MULTICAST_BYTES);
    net_multicast_close(s.ear[0].m); /* with a packet waiting, which it must not report */
    s.ear[0].m = NULL;
    T_OK(loop_run(s.l));
    T_EQ(s.ear[0].count, 0);
    T_EQ(s.ear[1].count, 1);
    T_FALSE(is_free(s.port));
    uint16_t port = s.port;
    teardown(&s);
    T_TRUE(is_free(port));
    net_multicast_close(NULL);
}

static void it_may_be_closed_from_within_the_call(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    T_OK(listen_with(&s, 0, 1));
    s.ear[0].close_then = true;
    for (uint8_t i = 1; i <= 5; i++)
        send_from(LOCAL(1), GROUP, s.port, i, NET_MULTICAST_BYTES);
    T_OK(loop_run(s.l));
    T_EQ(s.ear[0].count, 1); /* hear asserts that nothing follows */
    T_OK(listen_with(&s, 0, 1));
    send_from(LOCAL(1), GROUP, s.port, 9, NET_MULTICAST_BYTES);
    T_OK(loop_run(s.l));
    T_EQ(s.ear[0].first[0], 9); /* opened again, without the old one's packets */
    teardown(&s);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void offline_refuses(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_OFFLINE);
    T_ERR(listen_with(&s, 0, 0), WR_ERR_REFUSED);
    T_TRUE(s.ear[0].m == NULL);
    teardown(&s);
}

static void a_port_that_is_not_shared_is_busy(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(s.port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    T_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    T_ERR(listen_with(&s, 0, 0), WR_ERR_BUSY);
    T_TRUE(s.ear[0].m == NULL);
    (void)close(fd);
    T_OK(listen_with(&s, 0, 0));
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_of_one_host_hear_each_other),
        cmocka_unit_test(our_own_packets_come_back),
        cmocka_unit_test(a_place_tells_where_we_listen),
        cmocka_unit_test(only_packets_of_the_size_to_the_group_are_heard),
        cmocka_unit_test(a_loud_address_is_cut_off_and_others_are_heard),
        cmocka_unit_test(closing_is_for_good_and_leaves_no_socket),
        cmocka_unit_test(it_may_be_closed_from_within_the_call),
        cmocka_unit_test(offline_refuses),
        cmocka_unit_test(a_port_that_is_not_shared_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
