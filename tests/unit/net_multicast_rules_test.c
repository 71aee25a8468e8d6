/* Which links carry multicast, who is on them, and how many packets are read: without a network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <ifaddrs.h>
#include <net/if.h>

static net_addr addr(const char *text) {
    net_addr parsed = {0};
    T_OK(net_addr_parse(wr_slice_str(text), &parsed));
    return parsed;
}

/* ---- scope ---------------------------------------------------------------------------------- */

static void who_listens_on_loopback_speaks_on_loopback(void **state) {
    (void)state;
    /* spec:beacon#3.2 type=test "An agent without a listen address beyond loopback MUST send on
     * loopback only." */
    net_addr list[] = {addr("127.0.0.1:0"), addr("[::1]:0"), addr("127.9.9.9:7117")};
    T_EQ(net_multicast_scope_of(list, WR_COUNT(list)), NET_MULTICAST_LOOPBACK);
    T_EQ(net_multicast_scope_of(NULL, 0), NET_MULTICAST_LOOPBACK);
    static const char *const reachable[] = {"0.0.0.0:0", "[::]:0", "192.0.2.7:7117",
                                            "[fe80::1%1]:7117"};
    for (size_t i = 0; i < WR_COUNT(reachable); i++) {
        list[2] = addr(reachable[i]);
        T_EQ(net_multicast_scope_of(list, WR_COUNT(list)), NET_MULTICAST_LINKS);
    }
}

/* ---- links ---------------------------------------------------------------------------------- */

typedef struct interface {
    const char *own, *mask;
    unsigned flags;
    bool on_links, on_loopback; /* is it used in that scope? */
} interface;

#define UP (IFF_UP | IFF_RUNNING)
#define ETHERNET (UP | IFF_BROADCAST | IFF_MULTICAST)

static bool is_link(const interface *i, net_multicast_scope scope, multicast_link *ret_link) {
    struct sockaddr_storage own, mask;
    net_addr own_addr = addr(i->own), mask_addr = addr(i->mask);
    char name[] = "test0";
    net_addr_to_system(&own_addr, &own);
    net_addr_to_system(&mask_addr, &mask);
    struct ifaddrs entry = {.ifa_name = name,
                            .ifa_flags = i->flags,
                            .ifa_addr = (struct sockaddr *)&own,
                            .ifa_netmask = (struct sockaddr *)&mask};
    return multicast_link_of(&entry, scope, ret_link);
}

static void each_fit_address_of_an_interface_is_a_link(void **state) {
    (void)state;
    static const interface table[] = {
        {"127.0.0.1:0", "255.0.0.0:0", UP | IFF_LOOPBACK, true, true},
        {"127.0.0.2:0", "255.0.0.0:0", UP | IFF_LOOPBACK, false, false},
        {"10.0.0.1:0", "255.255.255.255:0", UP | IFF_LOOPBACK, false, false},
        {"[::1]:0", "[ffff::]:0", UP | IFF_LOOPBACK, false, false},
        {"127.0.0.1:0", "255.0.0.0:0", IFF_LOOPBACK, false, false},
        {"192.0.2.7:0", "255.255.255.0:0", ETHERNET, true, false},
        {"[fe80::7%1]:0", "[ffff:ffff:ffff:ffff::]:0", ETHERNET, true, false},
        {"[2001:db8::7]:0", "[ffff:ffff:ffff:ffff::]:0", ETHERNET, false, false},
        {"192.0.2.7:0", "255.255.255.0:0", ETHERNET & ~(unsigned)IFF_UP, false, false},
        {"192.0.2.7:0", "255.255.255.0:0", ETHERNET & ~(unsigned)IFF_RUNNING, false, false},
        {"192.0.2.7:0", "255.255.255.0:0", ETHERNET & ~(unsigned)IFF_MULTICAST, false, false},
        {"192.0.2.7:0", "255.255.255.0:0", ETHERNET | IFF_POINTOPOINT, false, false},
    };
    for (size_t i = 0; i < WR_COUNT(table); i++) {
        multicast_link link;
        T_EQ(is_link(&table[i], NET_MULTICAST_LOOPBACK, &link), table[i].on_loopback);
        T_EQ(is_link(&table[i], NET_MULTICAST_LINKS, &link), table[i].on_links);
        if (!table[i].on_links)
            continue;
        net_addr own = addr(table[i].own), mask = addr(table[i].mask);
        T_TRUE(net_addr_equal(&link.own, &own));
        T_MEM(link.mask, mask.ip, 16);
    }
    multicast_link link;
    struct ifaddrs without = {.ifa_flags = ETHERNET};
    T_FALSE(multicast_link_of(&without, NET_MULTICAST_LINKS, &link));
}

static void a_source_belongs_to_its_interface(void **state) {
    (void)state;
    multicast_links links = {.count = 3};
    const interface list[] = {
        {"192.0.2.7:0", "255.255.255.128:0", ETHERNET, true, false},
        {"[fe80::7%1]:0", "[ffff:ffff:ffff:ffff::]:0", ETHERNET, true, false},
        {"10.1.0.1:0", "255.255.0.0:0", ETHERNET, true, false},
    };
    for (size_t i = 0; i < 3; i++) {
        T_TRUE(is_link(&list[i], NET_MULTICAST_LINKS, &links.list[i]));
        links.list[i].interface = i < 2 ? 5 : 6;
    }
    static const struct {
        uint32_t interface;
        const char *from;
        bool known;
    } table[] = {{5, "192.0.2.99:1", true},    {5, "192.0.2.128:1", false},
                 {5, "10.1.2.3:1", false},     {6, "10.1.2.3:1", true},
                 {6, "192.0.2.99:1", false},   {7, "192.0.2.99:1", false},
                 {0, "192.0.2.99:1", false},   {5, "[fe80::99%1]:1", true},
                 {6, "[fe80::99%1]:1", false}, {5, "[2001:db8::1]:1", false}};
    for (size_t i = 0; i < WR_COUNT(table); i++) {
        net_addr from = addr(table[i].from);
        T_EQ(multicast_links_know(&links, table[i].interface, &from), table[i].known);
    }
    net_addr disguised = addr("192.0.2.99:1"); /* the same bytes, of the other family */
    disguised.family = 6;
    T_FALSE(multicast_links_know(&links, 5, &disguised));
}

static void loopback_alone_is_read_in_its_scope(void **state) {
    (void)state;
    static multicast_links links;
    multicast_links_read(NET_MULTICAST_LOOPBACK, &links);
    T_EQ(links.count, 1);
    T_TRUE(net_addr_is_loopback(&links.list[0].own));
    T_EQ(links.list[0].interface, if_nametoindex("lo"));
}

/* ---- how much is read ------------------------------------------------------------------------ */

static const wr_mono start = {1000000};

static net_addr source(unsigned number) {
    net_addr from = {.family = 4, .ip = {10, 0, (uint8_t)(number >> 8), (uint8_t)number}};
    return from;
}

static unsigned taken(multicast_budget *budget, unsigned number, unsigned tries, wr_mono now) {
    net_addr from = source(number);
    unsigned count = 0;
    for (unsigned i = 0; i < tries; i++) {
        from.port = (uint16_t)i; /* the port is anyone's to choose */
        count += multicast_budget_take(budget, &from, now) ? 1 : 0;
    }
    return count;
}

static void twenty_a_second_of_one_address(void **state) {
    (void)state;
    static multicast_budget budget;
    multicast_budget_init(&budget, start);
    T_EQ(taken(&budget, 1, 100, start), 20);
    T_EQ(taken(&budget, 2, 100, start), 20);
    T_EQ(taken(&budget, 1, 100, (wr_mono){start.ms + 49}), 0);
    T_EQ(taken(&budget, 1, 100, (wr_mono){start.ms + 50}), 1);
    T_EQ(taken(&budget, 1, 100, (wr_mono){start.ms + 1050}), 20);
    T_EQ(taken(&budget, 1, 100, (wr_mono){start.ms + 900000}), 20);
}

static void two_hundred_a_second_of_all(void **state) {
    (void)state;
    /* spec:beacon#3.3 type=test "It MUST drop unread what exceeds 200 packets a second of one
     * family." */
    static multicast_budget budget;
    unsigned count = 0;
    multicast_budget_init(&budget, start);
    for (unsigned number = 0; number < 1000; number++) /* more than are remembered */
        count += taken(&budget, number, 1, start);
    T_EQ(count, 200);
    T_EQ(taken(&budget, 5000, 1, (wr_mono){start.ms + 4}), 0);
    T_EQ(taken(&budget, 5001, 1, (wr_mono){start.ms + 5}), 1);
    T_EQ(taken(&budget, 5002, 1, (wr_mono){start.ms + 5}), 0);
}

static void a_loud_address_takes_nothing_from_others(void **state) {
    (void)state;
    static multicast_budget budget;
    multicast_budget_init(&budget, start);
    T_EQ(taken(&budget, 1, 100000, start), 20);
    for (unsigned number = 2; number < 11; number++)
        T_EQ(taken(&budget, number, 20, start), 20);
    T_EQ(taken(&budget, 11, 1, start), 0); /* 200 are used up */
}

static void the_address_heard_longest_ago_is_forgotten(void **state) {
    (void)state;
    static multicast_budget budget;
    wr_mono now = start;
    multicast_budget_init(&budget, start);
    T_EQ(taken(&budget, 0, 100, now), 20);
    for (unsigned number = 1; number < MULTICAST_SOURCES_MAX; number++) {
        now.ms += 5;
        T_EQ(taken(&budget, number, 1, now), 1);
    }
    now.ms += 5;
    (void)taken(&budget, 0, 100, now); /* uses up what came back; it is the latest again */
    T_EQ(taken(&budget, 100, 1, (wr_mono){now.ms + 5}), 1); /* in place of 1 */
    T_EQ(taken(&budget, 0, 100, (wr_mono){now.ms + 5}), 0); /* 0 is still remembered */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_listens_on_loopback_speaks_on_loopback),
        cmocka_unit_test(each_fit_address_of_an_interface_is_a_link),
        cmocka_unit_test(a_source_belongs_to_its_interface),
        cmocka_unit_test(loopback_alone_is_read_in_its_scope),
        cmocka_unit_test(twenty_a_second_of_one_address),
        cmocka_unit_test(two_hundred_a_second_of_all),
        cmocka_unit_test(a_loud_address_takes_nothing_from_others),
        cmocka_unit_test(the_address_heard_longest_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
