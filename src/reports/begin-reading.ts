/**
 * How a transaction begins that reads a report. What is read must be of one moment. A table of 100,000 keys goes into memory rather than
 * to disk, and a query that takes half a second is not worth being compiled.
 */
export const BEGIN_READING = `begin isolation level repeatable read read only; set local work_mem = '64MB'; set local jit = off`;
