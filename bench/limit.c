/* What a fan-out costs at the least on this machine: header, copy, AES-128-GCM, sendmmsg with UDP GSO, and nothing else.
 *
 *     limit ADDRESS BURST PACKETS_PER_SECOND SECONDS SIZE < ports        prints "PACKETS CPU_NANOSECONDS"
 *
 * One key and one port per viewer, bursts evenly spaced as in the product's measurement, so that caches are as cold.
 * Needs no OpenSSL headers: the few functions are declared here and taken from libcrypto at run time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HEADER 24
#define TAG 16
#define STRIDE 2048
#define CHUNK 128 /* packets per sendmmsg; more fall out of the cache before they are sent */
#define MAX_VIEWERS 4096
#define MAX_BURST 32
#define SOL_UDP_ 17
#define UDP_SEGMENT_ 103
#define GET_TAG 0x10 /* EVP_CTRL_GCM_GET_TAG */

typedef void *Context;
static Context (*context_new)(void);
static const void *(*aes_128_gcm)(void);
static int (*encrypt_init)(Context, const void *, void *, const uint8_t *, const uint8_t *);
static int (*encrypt_update)(Context, uint8_t *, int *, const uint8_t *, int);
static int (*encrypt_final)(Context, uint8_t *, int *);
static int (*control)(Context, int, int, void *);

static Context keys[MAX_VIEWERS];
static struct sockaddr_in addresses[MAX_VIEWERS];
static uint8_t arena[CHUNK * STRIDE];
static uint8_t payload[STRIDE];
static struct iovec vectors[CHUNK];
static struct mmsghdr messages[CHUNK];
static union { struct cmsghdr header; uint8_t room[CMSG_SPACE(2)]; } controls[CHUNK];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int load(void) {
    void *crypto = dlopen("libcrypto.so.3", RTLD_NOW);
    if (!crypto) return 0;
    context_new = dlsym(crypto, "EVP_CIPHER_CTX_new");
    aes_128_gcm = dlsym(crypto, "EVP_aes_128_gcm");
    encrypt_init = dlsym(crypto, "EVP_EncryptInit_ex");
    encrypt_update = dlsym(crypto, "EVP_EncryptUpdate");
    encrypt_final = dlsym(crypto, "EVP_EncryptFinal_ex");
    control = dlsym(crypto, "EVP_CIPHER_CTX_ctrl");
    return context_new && aes_128_gcm && encrypt_init && encrypt_update && encrypt_final && control;
}

static void protect(int viewer, uint8_t *packet, uint16_t seq, int size) {
    uint8_t nonce[12] = {0};
    int written;
    memset(packet, 0, HEADER);
    packet[0] = 0x90;
    packet[2] = seq >> 8;
    packet[3] = seq & 0xff;
    memcpy(nonce + 10, packet + 2, 2);
    memcpy(packet + HEADER, payload, size - HEADER);
    encrypt_init(keys[viewer], NULL, NULL, NULL, nonce);
    encrypt_update(keys[viewer], NULL, &written, packet, HEADER);
    encrypt_update(keys[viewer], packet + HEADER, &written, packet + HEADER, size - HEADER);
    encrypt_final(keys[viewer], packet + size, &written);
    control(keys[viewer], GET_TAG, TAG, packet + size);
}

static long send_burst(int fd, int viewers, int burst, uint16_t seq, int size) {
    int viewer = 0;
    long sent = 0;
    while (viewer < viewers) {
        int used = 0, count = 0;
        for (; viewer < viewers && used + burst <= CHUNK; viewer++, count++) {
            struct msghdr *message = &messages[count].msg_hdr;
            for (int packet = 0; packet < burst; packet++) {
                uint8_t *at = arena + (used + packet) * STRIDE;
                protect(viewer, at, seq + packet, size);
                vectors[used + packet] = (struct iovec){at, size + TAG};
            }
            *message = (struct msghdr){&addresses[viewer], sizeof addresses[viewer], vectors + used, burst};
            if (burst > 1) {
                struct cmsghdr *header = &controls[count].header;
                *header = (struct cmsghdr){CMSG_LEN(2), SOL_UDP_, UDP_SEGMENT_};
                *(uint16_t *)CMSG_DATA(header) = size + TAG;
                message->msg_control = header;
                message->msg_controllen = CMSG_SPACE(2);
            }
            used += burst;
        }
        for (int done = 0; done < count;) {
            int some = sendmmsg(fd, messages + done, count - done, 0);
            if (some <= 0) { perror("sendmmsg"); exit(1); }
            done += some;
        }
        sent += used;
    }
    return sent;
}

int main(int argc, char **argv) {
    if (argc != 6 || !load()) { fprintf(stderr, "usage, or no libcrypto.so.3\n"); return 1; }
    int burst = atoi(argv[2]), size = atoi(argv[5]), viewers = 0, buffer = 4 << 20, port;
    double interval = burst / atof(argv[3]), seconds = atof(argv[4]);
    if (burst < 1 || burst > MAX_BURST || size <= HEADER || size + TAG > STRIDE) return 1;
    while (viewers < MAX_VIEWERS && scanf("%d", &port) == 1) {
        uint8_t key[16] = {viewers & 0xff, viewers >> 8};
        addresses[viewers].sin_family = AF_INET;
        addresses[viewers].sin_port = htons(port);
        inet_pton(AF_INET, argv[1], &addresses[viewers].sin_addr);
        keys[viewers] = context_new();
        encrypt_init(keys[viewers], aes_128_gcm(), NULL, key, NULL);
        viewers++;
    }
    memset(payload, 0xa5, sizeof payload);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    struct timespec used;
    double start = now(), due = start;
    long sent = 0;
    uint16_t seq = 0;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    double before = used.tv_sec * 1e9 + used.tv_nsec;
    while (due < start + seconds) {
        sent += send_burst(fd, viewers, burst, seq, size);
        seq += burst;
        due += interval;
        double rest = due - now();
        if (rest > 0) {
            struct timespec nap = {(time_t)rest, (rest - (time_t)rest) * 1e9};
            nanosleep(&nap, NULL);
        }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    printf("%ld %.0f\n", sent, used.tv_sec * 1e9 + used.tv_nsec - before);
    return 0;
}
