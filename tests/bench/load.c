/* The load generator: one thread that plays all clients of a room, and checks what each of them
 * receives. Prints one line of key=value pairs.
 *
 *   load fanout   clients in rooms, some of which send; each receiver checks order, loss and
 * doubles load echo     each client gets back what it sends load connect  a storm of handshakes,
 * and the memory of the clients that then sit idle load churn    clients come and go while members
 * look on
 *
 * `load --help` lists the options. Exit status 1: the server broke a promise; 2: usage. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"
#include "hist.h"
#include "proc.h"

#define SECOND 1000000000ull
#define IN_FLIGHT 128 /* connects at a time while a crowd is gathered */

struct settings {
    uint16_t port;
    pid_t pid; /* the server's */
    uint32_t clients;
    uint32_t senders;
    uint32_t window; /* messages that a sender has under way */
    double rate;     /* messages a second of all senders; 0: as the window allows */
    size_t size;
    uint32_t rooms;
    bool to_all; /* the sender gets its own `says` too */
    bool is_binary;
    double seconds;
    double warmup;
    uint32_t in_flight;
};

/* What is read at the start and the end of the measured time. */
struct sample {
    uint64_t time;
    uint64_t server_cpu;
    uint64_t server_delay;
    uint64_t own_cpu;
    uint64_t own_delay;
    struct proc_stat stat;
    uint64_t received;
    uint64_t bytes;
    uint64_t reads;
};

struct load {
    struct settings set;
    struct crowd crowd;
    struct hist latency;
    bool is_sending;
    uint64_t received;   /* messages, by all clients */
    uint32_t per_room;   /* senders in a room, at most */
    uint32_t *expected;  /* [client][sender of its room]: the next number */
    uint64_t gaps;       /* messages that were jumped over */
    uint64_t repeats;    /* messages that came again or late */
    uint64_t left_count; /* leave notices */
    uint64_t left_sum;   /* of the ids in them */
    uint64_t next_id;    /* of those who come and go */
    uint64_t joins;
    const char *mode;
};

static struct sample sample_take(struct load *l)
{
    struct traffic *t = &l->crowd.traffic;

    return (struct sample){.time = traffic_clock(t),
                           .server_cpu = proc_cpu_ns(l->set.pid),
                           .server_delay = proc_delay_ns(l->set.pid),
                           .own_cpu = proc_cpu_ns(getpid()),
                           .own_delay = proc_delay_ns(getpid()),
                           .stat = proc_stat(l->set.pid),
                           .received = l->received,
                           .bytes = t->bytes,
                           .reads = t->reads};
}

/* ---- what the sessions report ---- */

static void on_open(void *owner, struct session *s)
{
    struct load *l = owner;

    l->crowd.open++;
    hist_add(&l->latency, l->crowd.traffic.now - s->started_at);
}

static void ignore_left(void *owner, struct session *s, uint64_t id)
{
    (void)owner;
    (void)s;
    (void)id;
}

static void check_next(struct load *l, uint32_t *expected, uint32_t seq)
{
    if (seq == *expected) {
        *expected = seq + 1;
    } else if (seq < *expected) {
        l->repeats++;
    } else {
        l->gaps += seq - *expected;
        *expected = seq + 1;
    }
}

static void on_own(struct load *l, struct session *s)
{
    if (s->stamp.sender != s->index)
        traffic_broken(&l->crowd.traffic, "another client's message as its own", s);
    check_next(l, &s->acked, s->stamp.seq);
    if (l->is_sending && l->set.rate == 0)
        s->credit++;
}

static void on_message(void *owner, struct session *s)
{
    struct load *l = owner;
    uint32_t sender = s->stamp.sender;

    l->received++;
    hist_add(&l->latency, l->crowd.traffic.now - s->stamp.time);
    if (s->kind != MESSAGE_WROTE || !l->set.to_all)
        s->order = (s->order ^ s->stamp.seq ^ (uint64_t)sender << 32) * 0x9e3779b97f4a7c15;
    if (s->kind != MESSAGE_SAYS)
        on_own(l, s);
    else if (sender < l->set.senders && sender % l->set.rooms == s->index % l->set.rooms)
        check_next(l, &l->expected[(size_t)s->index * l->per_room + sender / l->set.rooms],
                   s->stamp.seq);
    else
        traffic_broken(&l->crowd.traffic, "a message of another room", s);
}

/* ---- results ---- */

static void print_settings(const struct load *l)
{
    const struct settings *set = &l->set;

    printf("mode=%s clients=%" PRIu32 " senders=%" PRIu32 " window=%" PRIu32 " rate=%g size=%zu"
           " rooms=%" PRIu32,
           l->mode, set->clients, set->senders, set->window, set->rate, set->size, set->rooms);
}

/* Cost of each of `count` things in the server's CPU time. */
static void print_cost(const struct sample *a, const struct sample *b, uint64_t count)
{
    double server = (double)(b->server_cpu - a->server_cpu);
    double user = (double)(b->stat.user - a->stat.user);
    double sys = (double)(b->stat.system - a->stat.system);
    double seconds = (double)(b->time - a->time) / 1e9;

    printf(" faults=%.4f",
           (double)(b->stat.faults - a->stat.faults) / (double)(count > 0 ? count : 1));
    printf(" seconds=%.3f count=%" PRIu64 " per_second=%.0f cpu_us=%.4f user_part=%.3f", seconds,
           count, (double)count / seconds, server / 1e3 / (double)(count > 0 ? count : 1),
           user + sys > 0 ? user / (user + sys) : 0);
}

/* Who had no time to spare: on the CPU, or waiting for one that others use (delay). */
static void print_bottleneck(const struct sample *a, const struct sample *b)
{
    double time = (double)(b->time - a->time);
    double server = (double)(b->server_cpu - a->server_cpu) / time;
    double server_delay = (double)(b->server_delay - a->server_delay) / time;
    double own = (double)(b->own_cpu - a->own_cpu) / time;
    double own_delay = (double)(b->own_delay - a->own_delay) / time;
    const char *who = "none";

    if (server + server_delay >= 0.95)
        who = "server";
    else if (own + own_delay >= 0.95)
        who = "generator";
    printf(" server_busy=%.3f server_delay=%.3f generator_busy=%.3f generator_delay=%.3f "
           "bottleneck=%s",
           server, server_delay, own, own_delay, who);
}

static void print_latency(const struct hist *h)
{
    printf(" p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f",
           (double)hist_percentile(h, 0.5) / 1e3, (double)hist_percentile(h, 0.99) / 1e3,
           (double)hist_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
}

/* Ends the line; returns the exit status. */
static int print_verdict(const struct load *l, uint64_t missing)
{
    const struct traffic *t = &l->crowd.traffic;
    bool is_bad = missing + l->gaps + l->repeats + t->broken > 0;

    printf(" missing=%" PRIu64 " gaps=%" PRIu64 " repeats=%" PRIu64 " broken=%" PRIu64 "%s%s%s\n",
           missing, l->gaps, l->repeats, t->broken, t->broken > 0 ? " why=\"" : "", t->why,
           t->broken > 0 ? "\"" : "");
    return is_bad ? 1 : 0;
}

static int give_up(const struct load *l)
{
    print_settings(l);
    return print_verdict(l, 0);
}

/* ---- fanout and echo ---- */

/* Gives each sender its window, or sends what is due at the rate, until the time has come. */
static void send_until(struct load *l, uint64_t until)
{
    struct crowd *c = &l->crowd;
    double gap = l->set.rate > 0 ? 1e9 / l->set.rate : 0;
    double due = (double)traffic_clock(&c->traffic);
    uint32_t turn = 0;

    if (gap == 0) {
        crowd_run(c, until);
        return;
    }
    while (c->traffic.now < until) {
        for (; due <= (double)c->traffic.now; due += gap, turn++) {
            struct session *s = &c->sessions[turn % l->set.senders];

            s->credit++;
            session_send(&c->traffic, s, (uint64_t)due);
        }
        crowd_poll(c, (uint64_t)due < until ? (uint64_t)due : until);
    }
}

static void start_senders(struct load *l)
{
    l->is_sending = true;
    for (uint32_t i = 0; l->set.rate == 0 && i < l->set.senders; i++) {
        l->crowd.sessions[i].credit = l->set.window;
        session_send(&l->crowd.traffic, &l->crowd.sessions[i], traffic_clock(&l->crowd.traffic));
    }
}

/* Messages that should have arrived by now, for what was sent. */
static uint64_t count_expected(const struct load *l)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < l->set.senders; i++) {
        uint32_t room = i % l->set.rooms;
        uint32_t members = (l->set.clients - room - 1) / l->set.rooms + 1;

        if (l->crowd.traffic.is_echo)
            members = 1;
        total += (uint64_t)l->crowd.sessions[i].seq * (members + l->set.to_all);
    }
    return total;
}

/* Lets what is under way arrive, as long as something does; returns what never came. */
static uint64_t drain(struct load *l)
{
    uint64_t before;

    l->is_sending = false;
    for (uint32_t i = 0; i < l->set.senders; i++)
        l->crowd.sessions[i].credit = 0;
    do {
        before = l->received;
        for (int i = 0; i < 40 && l->received < count_expected(l); i++)
            crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 20);
    } while (l->received < count_expected(l) && l->received > before);
    return count_expected(l) - l->received;
}

/* Did all members of each room see one and the same order? */
static bool has_one_order(const struct load *l)
{
    for (uint32_t i = l->set.rooms; i < l->set.clients; i++)
        if (l->crowd.sessions[i].order != l->crowd.sessions[i % l->set.rooms].order)
            return false;
    return true;
}

static int run_fanout(struct load *l)
{
    struct crowd *c = &l->crowd;
    struct sample a;
    struct sample b;
    uint64_t missing;
    struct hist measured;

    c->senders = l->set.senders;
    l->per_room = (l->set.senders - 1) / l->set.rooms + 1;
    l->expected = calloc((size_t)l->set.clients * l->per_room, sizeof(*l->expected));
    if (l->expected == NULL || crowd_connect(c, c->count, IN_FLIGHT) < 0)
        return give_up(l);
    crowd_run(c, c->traffic.now + SECOND / 5);
    start_senders(l);
    send_until(l, c->traffic.now + (uint64_t)(l->set.warmup * 1e9));
    memset(&l->latency, 0, sizeof(l->latency));
    a = sample_take(l);
    send_until(l, a.time + (uint64_t)(l->set.seconds * 1e9));
    b = sample_take(l);
    measured = l->latency;
    missing = drain(l);
    print_settings(l);
    print_cost(&a, &b, b.received - a.received);
    print_bottleneck(&a, &b);
    print_latency(&measured);
    printf(" mb_per_s=%.1f per_read=%.1f order=%s",
           (double)(b.bytes - a.bytes) * 1e3 / (double)(b.time - a.time),
           (double)(b.received - a.received) / (double)(b.reads - a.reads + 1),
           c->traffic.is_echo || has_one_order(l) ? "same" : "differs");
    return print_verdict(l, missing);
}

static int run_echo(struct load *l)
{
    l->crowd.traffic.is_echo = true;
    l->set.to_all = false;
    l->set.senders = l->set.clients;
    return run_fanout(l);
}

/* ---- connect ---- */

/* A first few clients come and go, so that what the server sets up once is not counted. */
static int rehearse(struct load *l)
{
    uint32_t few = l->set.clients < 10 ? l->set.clients : 10;

    if (crowd_connect(&l->crowd, few, few) < 0)
        return -1;
    crowd_reset(&l->crowd);
    crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 2);
    memset(&l->latency, 0, sizeof(l->latency));
    return 0;
}

static int run_connect(struct load *l)
{
    struct crowd *c = &l->crowd;
    struct sample a;
    struct sample b;
    uint64_t before;
    uint64_t after;

    if (rehearse(l) < 0)
        return give_up(l);
    before = proc_private_bytes(l->set.pid);
    a = sample_take(l);
    if (crowd_connect(c, c->count, l->set.in_flight) < 0)
        return give_up(l);
    b = sample_take(l);
    crowd_run(c, c->traffic.now + SECOND / 2);
    after = proc_private_bytes(l->set.pid);
    print_settings(l);
    print_cost(&a, &b, c->count);
    print_bottleneck(&a, &b);
    print_latency(&l->latency);
    printf(" bytes_per_client=%.0f", ((double)after - (double)before) / (double)c->count);
    return print_verdict(l, 0);
}

/* ---- churn ---- */

static void count_left(void *owner, struct session *s, uint64_t id)
{
    struct load *l = owner;

    if (s->index >= l->set.clients)
        return; /* one that comes and goes itself */
    l->left_count++;
    l->left_sum += id;
}

/* Those who are in go; then others come. Only sessions from set.clients on do so. */
static void churn_step(struct load *l, uint64_t until)
{
    struct crowd *c = &l->crowd;

    for (uint32_t i = l->set.clients; i < c->count; i++) {
        struct session *s = &c->sessions[i];

        if (s->state == SESSION_OPEN)
            session_reset(s);
        if (s->state == SESSION_NONE && l->is_sending) {
            s->id = SESSION_ID_BASE + l->next_id++;
            l->joins++;
            if (session_connect(&c->traffic, s) < 0)
                traffic_broken(&c->traffic, strerror(errno), s);
        }
    }
    crowd_poll(c, until);
}

static uint64_t sum_of_ids(uint64_t first, uint64_t count)
{
    return count * (SESSION_ID_BASE + first) + count * (count - 1) / 2;
}

/* Lets the last ones go; returns the leave notices that never came. */
static uint64_t churn_drain(struct load *l, uint64_t expected)
{
    uint64_t until = traffic_clock(&l->crowd.traffic) + 3 * SECOND;

    l->is_sending = false;
    while (l->left_count < expected && l->crowd.traffic.now < until)
        churn_step(l, l->crowd.traffic.now + SECOND / 20);
    crowd_run(&l->crowd, l->crowd.traffic.now + SECOND / 10);
    return expected > l->left_count ? expected - l->left_count : 0;
}

static int run_churn(struct load *l)
{
    struct crowd *c = &l->crowd;
    struct sample a;
    struct sample b;
    uint64_t first;
    uint64_t joins;
    uint64_t missing;

    if (rehearse(l) < 0 || crowd_connect(c, l->set.clients, IN_FLIGHT) < 0)
        return give_up(l);
    crowd_run(c, c->traffic.now + SECOND / 5);
    l->next_id = first = c->count;
    l->is_sending = true;
    c->traffic.on_left = count_left;
    memset(&l->latency, 0, sizeof(l->latency));
    a = sample_take(l);
    while (c->traffic.now < a.time + (uint64_t)(l->set.seconds * 1e9) && c->traffic.broken == 0)
        churn_step(l, a.time + (uint64_t)(l->set.seconds * 1e9));
    b = sample_take(l);
    joins = l->joins;
    missing = churn_drain(l, joins * l->set.clients);
    if (l->left_count > joins * l->set.clients)
        l->repeats = l->left_count - joins * l->set.clients;
    else if (missing == 0 && l->left_sum != sum_of_ids(first, joins) * l->set.clients)
        traffic_broken(&c->traffic, "wrong ids left", c->sessions);
    print_settings(l);
    print_cost(&a, &b, joins);
    print_bottleneck(&a, &b);
    print_latency(&l->latency);
    return print_verdict(l, missing);
}

/* ---- options ---- */

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'P'},
    {"clients", required_argument, NULL, 'c'},
    {"senders", required_argument, NULL, 's'},
    {"window", required_argument, NULL, 'w'},
    {"rate", required_argument, NULL, 'r'},
    {"size", required_argument, NULL, 'b'},
    {"rooms", required_argument, NULL, 'R'},
    {"seconds", required_argument, NULL, 't'},
    {"warmup", required_argument, NULL, 'u'},
    {"in-flight", required_argument, NULL, 'f'},
    {"all", no_argument, NULL, 'a'},
    {"binary", no_argument, NULL, 'B'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: load fanout|echo|connect|churn --port PORT --pid PID [OPTION VALUE]...\n"
                "  --clients N     who sit in the room (or echo)         100\n"
                "  --senders N     of them, how many send                1\n"
                "  --window N      messages that a sender has under way  1\n"
                "  --rate N        messages a second of all senders, in place of the window\n"
                "  --size BYTES    of a payload, 16 at least             64\n"
                "  --rooms N       over which clients are spread         1\n"
                "  --seconds N     of measuring                          1\n"
                "  --warmup N      seconds of it before                  0.3\n"
                "  --in-flight N   handshakes (connect, churn) at a time 64\n"
                "  --all           the sender gets its own `says` too\n"
                "  --binary        binary frames (echo)\n");
}

static void set_option(struct settings *set, int option, const char *value)
{
    double number = value != NULL ? strtod(value, NULL) : 0;

    switch (option) {
    case 'p':
        set->port = (uint16_t)number;
        break;
    case 'P':
        set->pid = (pid_t)number;
        break;
    case 'c':
        set->clients = (uint32_t)number;
        break;
    case 's':
        set->senders = (uint32_t)number;
        break;
    case 'w':
        set->window = (uint32_t)number;
        break;
    case 'r':
        set->rate = number;
        break;
    case 'b':
        set->size = (size_t)number;
        break;
    case 'R':
        set->rooms = (uint32_t)number;
        break;
    case 't':
        set->seconds = number;
        break;
    case 'u':
        set->warmup = number;
        break;
    case 'f':
        set->in_flight = (uint32_t)number;
        break;
    case 'a':
        set->to_all = true;
        break;
    default:
        set->is_binary = true;
    }
}

static bool settings_are_sound(const struct settings *set)
{
    return set->port > 0 && set->pid > 0 && set->clients > 0 && set->clients < 200000 &&
           set->senders > 0 && set->senders <= set->clients && set->size >= STAMP_SIZE &&
           set->size <= 1u << 30 && set->rooms > 0 && set->rooms <= set->clients &&
           set->seconds > 0 && set->seconds <= 600 && set->in_flight > 0;
}

static void raise_files(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct load *l)
{
    static const struct {
        const char *name;
        int (*run)(struct load *l);
    } modes[] = {
        {"fanout", run_fanout}, {"echo", run_echo}, {"connect", run_connect}, {"churn", run_churn}};
    bool is_churn = strcmp(l->mode, "churn") == 0;

    raise_files();
    if (crowd_init(&l->crowd, l->set.clients + (is_churn ? l->set.in_flight : 0), l->set.size,
                   l->set.port) < 0) {
        perror("load");
        return 1;
    }
    l->crowd.traffic.rooms = l->set.rooms;
    l->crowd.traffic.is_binary = l->set.is_binary;
    l->crowd.traffic.owner = l;
    l->crowd.traffic.on_open = on_open;
    l->crowd.traffic.on_message = on_message;
    l->crowd.traffic.on_left = ignore_left;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, l->mode) == 0)
            return modes[i].run(l);
    usage(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static struct load l = {.set = {.clients = 100,
                                    .senders = 1,
                                    .window = 1,
                                    .size = 64,
                                    .rooms = 1,
                                    .seconds = 1,
                                    .warmup = 0.3,
                                    .in_flight = 64}};
    int option;
    int status;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'h' || option == '?') {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
        set_option(&l.set, option, optarg);
    }
    if (optind + 1 != argc || !settings_are_sound(&l.set)) {
        usage(stderr);
        return 2;
    }
    l.mode = argv[optind];
    status = run(&l);
    crowd_reset(&l.crowd);
    return status;
}
