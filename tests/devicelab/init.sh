#!/bin/busybox sh
# The first program of the emulated machine: mounts this machine's files below memory, runs the tests, powers off.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
$b mount -t proc proc /proc

echo "up $($b cat /proc/uptime)"
for name in $($b cat /modules/system); do $b insmod /modules/$name.ko || echo "cannot load $name"; done
$b mkdir -p /memory /host /out
$b mount -t tmpfs memory /memory
$b mkdir /memory/written /memory/work
options=trans=virtio,version=9p2000.L,msize=524288
$b mount -t 9p -o ro,cache=loose,$options host /host
$b mount -t 9p -o $options out /out
$b mount -t overlay -o lowerdir=/host,upperdir=/memory/written,workdir=/memory/work overlay /new

for name in $($b cat /modules/cameras); do
    case $name in
    # Its first device is a webcam, the only input; no radio, no outputs.
    vivid) $b insmod /modules/vivid.ko n_devs=1 node_types=0x1 input_types=0 vid_cap_nr=0 ;;
    *) $b insmod /modules/$name.ko ;;
    esac || echo "cannot load $name"
done
$b insmod /modules/v4l2loopback.ko devices=2 video_nr=8,9 exclusive_caps=1,1 card_label=lab-eight,livebg

$b mkdir -p /new/proc /new/sys /new/dev /new/out
$b mount -t proc proc /new/proc
$b mount -t sysfs sys /new/sys
$b mount -t devtmpfs dev /new/dev
$b mkdir -p /new/dev/shm
$b mount -t tmpfs memory /new/dev/shm
$b mount -t tmpfs memory /new/run
$b ip link set lo up
$b mount --bind /out /new/out

echo "mounted $($b cat /proc/uptime)"
. /out/orders
cat >/memory/written/run-lab <<END
cd '$REPOSITORY'
export HOME=/tmp PATH='$SYSTEM/usr/bin':/usr/bin:/bin LAB_LIBRARIES='$SYSTEM/usr/lib/x86_64-linux-gnu'
export LIVEBG_LAB=1 PYTHONDONTWRITEBYTECODE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
exec '$PYTHON' -m pytest tests/devicelab/guest --noconftest -p pytest_timeout -p no:cacheprovider -v --color=no \
    --durations=0 --junitxml=/out/report.xml $OPTIONS
END
$b chroot /new /bin/sh /run-lab
echo "done $($b cat /proc/uptime)"
$b sync
$b reboot -f
