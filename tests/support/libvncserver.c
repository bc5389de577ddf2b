/* A VNC server of libvncserver for tests. Its picture, 32 bits a pixel, is in the file that is
 * argv[1]; it reports what viewers do, one line each, and obeys lines of its input:
 *   fill RRGGBB, resize WIDTH HEIGHT, refuse, copy TEXT, chat TEXT, bell
 * The other arguments are libvncserver's. It ends with its input. */

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rfb/rfb.h>

enum { SIDE_MAX = 2048, WIDTH = 640, HEIGHT = 480, PROHIBITED = 1 };

static uint32_t *pixels;
static int may_resize = 1;

static void fill(rfbScreenInfoPtr screen, uint32_t colour) {
    for (int at = 0; at < screen->width * screen->height; at++) pixels[at] = colour;
    rfbMarkRectAsModified(screen, 0, 0, screen->width, screen->height);
}

/* A photograph, as far as JPEG is concerned. */
static void draw(rfbScreenInfoPtr screen) {
    for (int y = 0; y < screen->height; y++)
        for (int x = 0; x < screen->width; x++)
            pixels[y * screen->width + x] =
                (x * x / 90 + y) % 256 | (x + y * y / 70) % 256 << 8 | (x * y / 300) % 256 << 16;
    rfbMarkRectAsModified(screen, 0, 0, screen->width, screen->height);
}

static void resize(rfbScreenInfoPtr screen, int width, int height) {
    rfbNewFramebuffer(screen, (char *)pixels, width, height, 8, 3, 4);
    draw(screen);
    printf("size %d %d\n", width, height);
}

static int on_size(int width, int height, int count, rfbExtDesktopScreen *screens,
                   rfbClientPtr client) {
    (void)count, (void)screens;
    printf("requested %d %d\n", width, height);
    if (!may_resize || width > SIDE_MAX || height > SIDE_MAX) return PROHIBITED;
    resize(client->screen, width, height);
    return rfbExtDesktopSize_Success;
}

static void on_key(rfbBool down, rfbKeySym key, rfbClientPtr client) {
    (void)client;
    printf("key %x %d\n", (unsigned)key, down);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr client) {
    printf("pointer %d %d %d\n", x, y, buttons);
    rfbDefaultPtrAddEvent(buttons, x, y, client);
}

static void on_text(char *text, int size, rfbClientPtr client) {
    (void)client;
    printf("text %.*s\n", size, text);
}

static void chat(rfbScreenInfoPtr screen, char *text) {
    rfbClientIteratorPtr all = rfbGetClientIterator(screen);
    for (rfbClientPtr client; (client = rfbClientIteratorNext(all));) {
        rfbSendTextChatMessage(client, rfbTextChatOpen, "");
        rfbSendTextChatMessage(client, strlen(text), text);
        rfbSendTextChatMessage(client, rfbTextChatClose, "");
        rfbSendTextChatMessage(client, rfbTextChatFinished, "");
        rfbSendFileTransferMessage(client, rfbAbortFileTransfer, 0, 0, strlen(text), text);
    }
    rfbReleaseClientIterator(all);
}

static void obey(rfbScreenInfoPtr screen, char *line) {
    unsigned colour;
    int width, height;
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "fill %x", &colour) == 1) fill(screen, colour);
    else if (sscanf(line, "resize %d %d", &width, &height) == 2) resize(screen, width, height);
    else if (!strcmp(line, "refuse")) may_resize = 0;
    else if (!strcmp(line, "bell")) rfbSendBell(screen);
    else if (!strncmp(line, "chat ", 5)) chat(screen, line + 5);
    else if (!strncmp(line, "copy ", 5))
        rfbSendServerCutTextUTF8(screen, line + 5, strlen(line + 5), line + 5, strlen(line + 5));
}

int main(int argc, char **argv) {
    char line[1024];
    size_t size = 4 * SIDE_MAX * SIDE_MAX;
    int file = open(argv[1], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, size)) return 1;
    pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (pixels == MAP_FAILED) return 1;
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    rfbScreenInfoPtr screen = rfbGetScreen(&argc, argv, WIDTH, HEIGHT, 8, 3, 4);
    if (!screen) return 1;
    screen->frameBuffer = (char *)pixels;
    screen->alwaysShared = TRUE;
    screen->permitFileTransfer = TRUE;
    screen->kbdAddEvent = on_key;
    screen->ptrAddEvent = on_pointer;
    screen->setXCutText = on_text;
    screen->setXCutTextUTF8 = on_text;
    screen->setDesktopSizeHook = on_size;
    draw(screen);
    rfbInitServer(screen);
    for (struct pollfd input = {STDIN_FILENO, POLLIN, 0};; rfbProcessEvents(screen, 5000))
        if (poll(&input, 1, 0) > 0) {
            if (!fgets(line, sizeof line, stdin)) return 0;
            obey(screen, line);
        }
}
