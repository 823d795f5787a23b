/** Words of DNS that a check takes, with their numbers (IANA, Domain Name System Parameters). */

export const RECORDS = {
  a: 1,
  ns: 2,
  cname: 5,
  soa: 6,
  ptr: 12,
  mx: 15,
  txt: 16,
  aaaa: 28,
  srv: 33,
  any: 255,
} as const
export type RecordType = keyof typeof RECORDS
export const RECORD_TYPES = Object.keys(RECORDS) as [RecordType, ...RecordType[]]

export const RCODES = {
  noerror: 0,
  formerr: 1,
  servfail: 2,
  nxdomain: 3,
  notimp: 4,
  refused: 5,
} as const
export type Rcode = keyof typeof RCODES
export const RCODE_WORDS = Object.keys(RCODES) as [Rcode, ...Rcode[]]
