#!/bin/busybox sh
# The first process of the guest that the unikernel is compared with: what a small image does to have
# an address. It tells when it began, had its modules and its address, in seconds of the kernel's
# clock; then it says for each line that is typed how much memory there is.
b=/bin/busybox
$b mount -t proc proc /proc
read -r begun _ < /proc/uptime
$b mount -t sysfs sysfs /sys
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci \
  failover net_failover virtio_net; do
  $b insmod /modules/$module.ko
done
read -r loaded _ < /proc/uptime
$b ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
read -r ready _ < /proc/uptime
echo "busybox: begun $begun s, loaded $loaded s, ready $ready s"
while read -r _; do
  $b grep -E '^Mem(Total|Available):' /proc/meminfo
done
