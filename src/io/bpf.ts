/**
 * An assembler for the few eBPF instructions that our programs need (RFC 9669), so that nobody has to have a compiler
 * for BPF. Jumps name labels, which are resolved when the bytes are asked for.
 *
 *   instruction   | opcode 8 | dst 4, src 4 | offset 16 | immediate 32 |    fields in the machine's byte order
 */

import type { Ipv6 } from '../wire/ipv6-address.ts'

const BYTES = 8

/** Registers. R0 is the result; R6 must hold the context for packet loads, which lose R1 to R5. */
export const R0 = 0
export const R1 = 1
export const R2 = 2
export const R3 = 3
export const R4 = 4
export const R6 = 6
export const R7 = 7
export const R8 = 8
export const R9 = 9
export type Register = 0 | 1 | 2 | 3 | 4 | 6 | 7 | 8 | 9

/** Bytes of a packet load. */
export const SIZE = { WORD: 0x00, HALF: 0x08, BYTE: 0x10 } as const

/** Arithmetic on 32 bits; the upper half of the register becomes zero. */
export const OP = { ADD: 0x04, MUL: 0x24, AND: 0x54, RSH: 0x74, XOR: 0xa4, MOV: 0xb4 } as const
const ALU_LSH = 0x64
const ALU64_MOV_REGISTER = 0xbf
const BY_REGISTER = 0x08

/** Comparisons of the lower 32 bits, unsigned, with an immediate. SET: have they a bit in common? */
export const IF = { EQ: 0x16, GE: 0x36, SET: 0x46, NE: 0x56, LT: 0xa6 } as const

const LDX_WORD = 0x61
const LD_ABS = 0x20
const LD_IND = 0x40
const JUMP = 0x05
const CALL = 0x85
const EXIT = 0x95

type Op = (typeof OP)[keyof typeof OP]
type Size = (typeof SIZE)[keyof typeof SIZE]

/** A place to jump to. Jumps go forward only; the place is put down once. */
export interface Label {
  at: number
}

interface Instruction {
  opcode: number
  /** The source above, the destination below. */
  registers: number
  imm: number
  offset?: number
  to?: Label
}

export class Assembler {
  readonly #code: Instruction[] = []

  label(): Label {
    return { at: -1 }
  }

  place(label: Label): void {
    label.at = this.#code.length
  }

  /** Copies all 64 bits, which a pointer needs. */
  copy(dst: Register, src: Register): void {
    this.#add(ALU64_MOV_REGISTER, dst, src, 0)
  }

  alu(op: Op, dst: Register, imm: number): void {
    this.#add(op, dst, 0, imm)
  }

  aluRegister(op: Op, dst: Register, src: Register): void {
    this.#add(op | BY_REGISTER, dst, src, 0)
  }

  shiftLeft(dst: Register, bits: number): void {
    this.#add(ALU_LSH, dst, 0, bits)
  }

  /** R0 = the packet's bytes at `offset`, read big-endian. A packet that has none there ends the program with 0. */
  load(size: Size, offset: number): void {
    this.#add(LD_ABS | size, 0, 0, offset)
  }

  /** The same at `offset` plus a register. */
  loadBehind(size: Size, register: Register, offset: number): void {
    this.#add(LD_IND | size, 0, register, offset)
  }

  /** `dst` = the word at `offset` of what `src` points to, in the machine's byte order. */
  loadField(dst: Register, src: Register, offset: number): void {
    this.#code.push({ opcode: LDX_WORD, registers: (src << 4) | dst, imm: 0, offset })
  }

  /** R0 = a helper of the kernel's, of R1 to R5, which are lost. */
  call(helper: number): void {
    this.#add(CALL, 0, 0, helper)
  }

  jumpIf(test: (typeof IF)[keyof typeof IF], register: Register, imm: number, to: Label): void {
    this.#code.push({ opcode: test, registers: register, imm, to })
  }

  /** The same of two registers: is the first one less? */
  jumpIfLess(register: Register, than: Register, to: Label): void {
    this.#code.push({ opcode: IF.LT | BY_REGISTER, registers: (than << 4) | register, imm: 0, to })
  }

  jump(to: Label): void {
    this.#code.push({ opcode: JUMP, registers: 0, imm: 0, to })
  }

  exit(): void {
    this.#add(EXIT, 0, 0, 0)
  }

  /** The program as bpf(2) takes it. Throws RangeError if a jump goes further than 16 bits say. */
  bytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(this.#code.length * BYTES))
    this.#code.forEach(({ opcode, registers, imm, offset = 0, to }, i) => {
      const distance = to === undefined ? offset : to.at - i - 1
      if (distance < 0 || distance > 0x7fff) throw new RangeError(`jump over ${distance}`)
      view.setUint8(i * BYTES, opcode)
      view.setUint8(i * BYTES + 1, registers)
      view.setInt16(i * BYTES + 2, distance, true)
      view.setInt32(i * BYTES + 4, imm, true)
    })
    return new Uint8Array(view.buffer)
  }

  #add(opcode: number, dst: number, src: number, imm: number): void {
    this.#code.push({ opcode, registers: (src << 4) | dst, imm })
  }
}

/** Is R0 one of the numbers, which ascend as unsigned? => where it goes on for each of them */
export function each(asm: Assembler, numbers: readonly number[], no: Label): Label[] {
  const cases = numbers.map((number): Case => [number, asm.label()])
  choose(asm, cases, no)
  return cases.map(([, to]) => to)
}

/** Is R0 among the numbers, which ascend as unsigned? By halves: three instructions a number, of which about log2 run. */
export function among(asm: Assembler, numbers: readonly number[], yes: Label, no: Label): void {
  const cases = numbers.map((number): Case => [number, yes])
  choose(asm, cases, no)
}

/** A number, and where to go if R0 is it. */
type Case = readonly [number: number, to: Label]

function choose(asm: Assembler, cases: readonly Case[], no: Label): void {
  const [middle, ...more] = cases.slice(cases.length >> 1)
  if (cases.length <= 1 || middle === undefined) {
    for (const [number, to] of cases) asm.jumpIf(IF.EQ, R0, number, to)
    asm.jump(no)
    return
  }
  const upper = asm.label()
  asm.jumpIf(IF.GE, R0, middle[0], upper)
  choose(asm, cases.slice(0, cases.length >> 1), no)
  asm.place(upper)
  choose(asm, [middle, ...more], no)
}

/** Where an address of IPv6 stands in the packet, and where to go if it is among those asked for, or not. */
export interface Asked {
  at: number
  yes: Label
  no: Label
}

/**
 * Is it among these, which ascend (ascending6)? Word by word, each as above among those that agree so far: addresses of one network
 * take three instructions each, and some ten where nothing agrees.
 */
export function among6(asm: Assembler, addresses: readonly Ipv6[], asked: Asked, word = 0): void {
  const { at, yes, no } = asked
  const [first, ...others] = addresses
  if (first !== undefined && others.length === 0) {
    for (let i = word; i < 4; i++) {
      asm.load(SIZE.WORD, at + 4 * i)
      asm.jumpIf(IF.NE, R0, first[i as 0], no)
    }
    asm.jump(yes)
    return
  }
  if (first !== undefined) asm.load(SIZE.WORD, at + 4 * word)
  const numbers = ascending(addresses.map(address => address[word as 0]))
  if (word === 3) {
    among(asm, numbers, yes, no)
    return
  }
  for (const [i, to] of each(asm, numbers, no).entries()) {
    asm.place(to)
    const number = numbers[i]
    const members = addresses.filter(address => address[word as 0] === number)
    among6(asm, members, asked, word + 1)
  }
}

/** As unsigned numbers, each once. */
export function ascending(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => (a >>> 0) - (b >>> 0))
}

/** The same of addresses of IPv6. */
export function ascending6(addresses: Iterable<Ipv6>): Ipv6[] {
  const known = new Map([...addresses].map(address => [String(address), address]))
  return [...known.values()].sort((a, b) => {
    const word = [0, 1, 2].find(i => a[i as 0] !== b[i as 0]) ?? 3
    return (a[word as 0] >>> 0) - (b[word as 0] >>> 0)
  })
}
