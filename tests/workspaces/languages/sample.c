/* A ring buffer. */
#include <stdlib.h>
#include <string.h>

#define RING_SIZE 256
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define EMPTY

typedef unsigned char byte_t;
typedef int (*compare_fn)(const void *, const void *);

typedef struct ring {
    byte_t data[RING_SIZE];
    size_t head;
    size_t tail;
} ring_t;

struct node {
    struct node *next;
    int value;
};

enum color { RED, GREEN };

typedef enum { LOW, HIGH } level_t;

union cell {
    int i;
    float f;
};

static int Global_count = 0;

static void reset(ring_t *ring);

/* Writes as many bytes as fit. */
size_t ring_write(ring_t *ring, const byte_t *bytes, size_t count)
{
    size_t written = 0;
    while (written < count && ring->head - ring->tail < RING_SIZE) {
        ring->data[ring->head++ % RING_SIZE] = bytes[written++];
    }
    return written;
}

struct node *
node_new(int value)
{
    struct node *node = malloc(sizeof *node);
    if (node == NULL)
        return NULL;
    node->value = value;
    node->next = NULL;
    return node;
}

char **names(void)
{
    return NULL;
}

static void reset(ring_t *ring)
{
    ring->head = ring->tail = 0;
}
