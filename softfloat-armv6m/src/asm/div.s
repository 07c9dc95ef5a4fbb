@ Division: r0 = r0 / r1.
@
@ The fast path is for two normal numbers whose quotient is normal. With mantissas a, b in [1, 2), a doubled
@ where it is less than b:
@
@   r = 1/b to 7 bits from a table, then one step of Newton's, r + r(1 - rb): too large by less than 2^-24, too
@   small by less than 2^-13.6 (over all b);
@   q = the first 14 bits of ra; their remainder times r gives the next 10;
@   n = those 24 bits: n + 1/2 is off by less than one, so the quotient rounds to n or n + 1, as the sign of the
@   remainder of n + 1/2 says. That is never zero: no normal quotient lies midway between two floats.

    .section .text.__aeabi_fdiv, "ax", %progbits
    .balign 4
    .global __aeabi_fdiv
    .type __aeabi_fdiv, %function
    .thumb_func
__aeabi_fdiv:
    push    {r4, r5, lr}
    lsls    r2, r0, #1
    lsrs    r2, r2, #24
    beq     .Ldiv_slow
    cmp     r2, #255
    beq     .Ldiv_slow
    lsls    r3, r1, #1
    lsrs    r3, r3, #24
    beq     .Ldiv_slow
    cmp     r3, #255
    beq     .Ldiv_slow
    subs    r2, r2, r3
    adds    r2, #125                @ the quotient's exponent, less one or two
    cmp     r2, #252
    bhi     .Ldiv_slow
    @ Signs and exponents in one: as long as the exponent is in range the signs' difference is the sign.
    lsrs    r2, r0, #23
    lsrs    r3, r1, #23
    subs    r2, r2, r3
    adds    r2, #126
    @ r4 = a * 2^23, r1 = b * 2^23, r3 = 2^9 / b
    lsls    r1, r1, #9
    lsrs    r3, r1, #26
    lsrs    r1, r1, #9
    movs    r5, #1
    lsls    r5, r5, #23
    orrs    r1, r1, r5
    lsls    r4, r0, #9
    lsrs    r4, r4, #9
    orrs    r4, r4, r5
    adr     r0, .Ldiv_table
    ldrb    r3, [r0, r3]
    adds    r3, #255
    cmp     r4, r1
    bhs     1f
    lsls    r4, r4, #1
    subs    r2, #1
1:  @ rb * 2^32 is 2^32 more than what it is off by, and so wraps to that.
    movs    r0, r1
    muls    r0, r3, r0
    asrs    r0, r0, #8
    muls    r0, r3, r0
    asrs    r0, r0, #16
    lsls    r3, r3, #8
    sbcs    r3, r3, r0              @ 2^17 / b; carry is clear, so one less: with more, q may wrap to zero
    lsrs    r0, r4, #9
    muls    r0, r3, r0
    lsrs    r0, r0, #18             @ q * 2^13
    lsls    r4, r4, #13
    movs    r5, r0
    muls    r5, r1, r5
    subs    r5, r4, r5              @ the remainder: small, so it does not matter that higher bits are lost
    asrs    r5, r5, #11
    muls    r5, r3, r5
    asrs    r5, r5, #19
    lsls    r0, r0, #10
    adds    r0, r0, r5              @ n
    adds    r5, r0, r0
    adds    r5, #1
    muls    r5, r1, r5
    lsls    r4, r4, #11
    subs    r5, r5, r4
    lsls    r2, r2, #23
    lsls    r5, r5, #1              @ carry: n + 1/2 is too little
    adcs    r0, r0, r2
    pop     {r4, r5, pc}
.Ldiv_slow:
    bl      __softfloat_armv6m_div
    pop     {r4, r5, pc}
    .balign 4
.Ldiv_table:
    @ 512 / b - 255 in the middle of each 64th of [1, 2).
    .byte   253, 245, 238, 230, 223, 216, 210, 203, 197, 191, 185, 179, 173, 168, 162, 157
    .byte   152, 147, 142, 137, 133, 128, 124, 119, 115, 111, 107, 103, 99, 95, 92, 88
    .byte   85, 81, 78, 74, 71, 68, 65, 62, 59, 56, 53, 50, 47, 44, 42, 39
    .byte   36, 34, 31, 29, 26, 24, 22, 19, 17, 15, 12, 10, 8, 6, 4, 2
    .size __aeabi_fdiv, . - __aeabi_fdiv
