/**
 * Room for the compiler. V8 inlines calls into a function until 920 bytes of bytecode have come together, and calls the rest; the
 * path of a packet is some three times as long, in small functions. Which of them are left out depends on the order in which
 * they grew warm: the same engine took 109 to 131 ns a packet from one start to the next. With room for all it takes 107 to
 * 111, and the life of a connection 5 % less (Node 20.20). To be imported before an engine runs.
 */

import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000')
