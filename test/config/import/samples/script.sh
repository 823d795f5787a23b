#!/bin/sh
# raises the balancer
IPVSADM=/sbin/ipvsadm

sudo ipvsadm -C
  /usr/sbin/ipvsadm	-At 203.0.113.10:http   -s rr   # the shop
ipvsadm --add-server --tcp-service=203.0.113.10:http --real-server 10.20.0.11 --masquerading --weight=7
$IPVSADM -at 203.0.113.10:80 -r 10.20.0.12:80 -mw2
$IPVSADM -at 203.0.113.10:80 -r 10.20.0.13 -m -w nine
$IPVSADM -e -t 203.0.113.10:80 -r 10.20.0.12 -m -w 5
$IPVSADM -at 203.0.113.10:80 -r 10.20.0.14 -m --colour red
$IPVSADM -at 203.0.113.10:80 -r 10.20.0.11:80 -m
$IPVSADM -at 203.0.113.99:80 -r 10.20.0.11:80 -m
ipvsadm -A -t www.example.com:http -s rr
ipvsadm -E -t 203.0.113.10:80 -s wrr --conn-timeout 60 -p
ipvsadm --set 900 120 300
ipvsadm --start-daemon master --mcast-interface eth0
ipvsadm -Ln
ipvsadm -A -t
if true; then ipvsadm -D -t 1.2.3.4:5; fi
