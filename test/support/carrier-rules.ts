// The nftables rule sets of the carrier: what its NAT and its firewalls do, and counters that witness it.

/** Accepts what comes back, takes handsets out under its own addresses, and drops whatever else comes from outside. */
export const natRules = `
table inet nat {
  counter from_outside { }
  chain forwarding {
    type filter hook forward priority filter; policy drop
    ct state established,related accept
    iifname != "internet" oifname "internet" accept
    iifname "internet" counter name from_outside drop
  }
  chain translation {
    type nat hook postrouting priority srcnat
    oifname "internet" masquerade
  }
}`;

/** A NAT without its firewall: what is routed to a handset gets there. */
export const openNatRules = natRules
  .replace('policy drop', 'policy accept')
  .replace('from_outside drop', 'from_outside');

/** The gateway's own firewall: central alone reaches its API, and nothing is routed through it. */
export function gatewayRules(central: string): string {
  return `
table inet gateway {
  chain incoming {
    type filter hook input priority filter; policy drop
    iifname "lo" accept
    ct state established,related accept
    iifname "internet" ip saddr ${central} tcp dport 8443 accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
  chain forwarding {
    type filter hook forward priority filter; policy drop
  }
}`;
}

/** Counts the connections that devices open, by where they come from. */
export function centralRules(nats: readonly string[], port: number): string {
  const lines = nats.map((ip) => {
    const family = ip.includes(':') ? 'ip6' : 'ip';
    return `${family} saddr ${ip} counter name through_nat return`;
  });
  return `
table inet central {
  counter through_nat { }
  counter other { }
  chain connections {
    ${lines.join('\n    ')}
    iifname != "lo" counter name other
  }
  chain incoming {
    type filter hook input priority filter
    tcp dport ${port} tcp flags & (syn | ack) == syn jump connections
  }
}`;
}

/** Counts the wakeups that reach a handset, lost ones included, and those that say `NOTIFY` with its address. */
export function handsetRules(payload: string, port: number): string {
  // nftables compares 16 bytes at most.
  const start = Buffer.from(payload).subarray(0, 16);
  return `
table inet handset {
  counter arrived { }
  counter lost { }
  counter named { }
  chain loss { }
  chain incoming {
    type filter hook prerouting priority raw
    udp dport ${port} counter name arrived
    tcp dport ${port} tcp flags & (syn | ack) == syn counter name arrived
    udp dport ${port} jump loss
    meta l4proto { udp, tcp } th dport ${port} @ih,0,${start.length * 8} 0x${start.toString('hex')} counter name named
  }
}`;
}

/** Loses this share of the datagrams. In the receiver: a sender whose own packets are dropped is told so. */
export function lossRules(percent: number): string {
  return `add rule inet handset loss numgen random mod 100 < ${percent} counter name lost drop`;
}

/** Counts packets on the wires whose destination is none of ours, and private senders on the internet's. */
export function switchRules(own: { v4: readonly string[]; v6: readonly string[] }): string {
  return `
table bridge watch {
  counter foreign { }
  counter private_outside { }
  chain wires {
    type filter hook prerouting priority filter
    ip daddr != { ${own.v4.join(', ')}, 224.0.0.0/4 } counter name foreign
    ip6 daddr != { ${own.v6.join(', ')}, fe80::/10, ff00::/8 } counter name foreign
    iifname "net-*" ip saddr 10.0.0.0/8 counter name private_outside
    iifname "net-*" ip6 saddr fc00::/7 counter name private_outside
  }
}`;
}
