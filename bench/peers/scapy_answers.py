"""A host as one writes it with Scapy: `scapy_answers.py INTERFACE IP` answers ARP and echo requests.

The interface has no address, so that its kernel keeps silent.
"""
import sys

from scapy.all import ARP, ICMP, IP, Ether, conf, get_if_hwaddr, sniff

interface, own = sys.argv[1:]
mac = get_if_hwaddr(interface)
# Open once: sendp() would open a socket for each frame.
socket = conf.L2socket(iface=interface)


def answer(frame):
    if ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst == own:
        asked = frame[ARP]
        reply = ARP(op=2, hwsrc=mac, psrc=own, hwdst=asked.hwsrc, pdst=asked.psrc)
    elif ICMP in frame and frame[ICMP].type == 8 and frame[IP].dst == own:
        asked = frame[ICMP]
        reply = IP(src=own, dst=frame[IP].src) / ICMP(type=0, id=asked.id, seq=asked.seq) / asked.payload
    else:
        return
    socket.send(Ether(src=mac, dst=frame.src) / reply)


print("ready", flush=True)
sniff(opened_socket=socket, prn=answer, store=False)
