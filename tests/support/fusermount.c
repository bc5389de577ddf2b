/* Mounts FUSE file systems for users, as the program of the same name of libfuse: it opens the
   device, and passes its descriptor on. Its options are ignored. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    const char *place = arguments[count - 1], *channel = getenv("_FUSE_COMMFD");
    char options[128], control[CMSG_SPACE(sizeof(int))] = {0}, nothing = 0;
    struct iovec vector = {&nothing, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int device;

    if (!channel)
        return umount2(place, MNT_DETACH) != 0;
    device = open("/dev/fuse", O_RDWR);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d", device,
             (int)getuid(), (int)getgid());
    if (device < 0 || mount("xrdp", place, "fuse", MS_NOSUID | MS_NODEV, options))
        return 1;
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof device);
    memcpy(CMSG_DATA(header), &device, sizeof device);
    return sendmsg(atoi(channel), &message, 0) < 0;
}
