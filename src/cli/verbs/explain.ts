/** `tapvs explain`: why something is as it is. A file for each verb in ../explain/. */

import type { Argv } from 'yargs'
import { addExplainConn } from '../explain/conn.ts'
import { addExplainDrop } from '../explain/drop.ts'
import { addExplainPacket } from '../explain/packet.ts'
import { addExplainState } from '../explain/state.ts'
import type { Common } from '../terminal/common.ts'

export function addExplain(common: Argv<Common>): void {
  common.command('explain', 'why: connections, drops, states and packets, in words', command => {
    addExplainConn(command)
    addExplainDrop(command)
    addExplainState(command)
    addExplainPacket(command)
    return command.demandCommand(1, 'explain needs a verb: conn, drop, state or packet')
  })
}
