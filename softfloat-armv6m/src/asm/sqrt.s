@ The square root of r0. No stack.
@
@ The fast path is for normal positive numbers. With x in [1, 4) and an even exponent:
@
@   r = 1/sqrt(x) to 6 bits from a table, then one step of Newton's, r + r(1 - xr^2)/2: 12 bits;
@   s = the first 15 bits of rx; what s^2 lacks, times r/2, gives the next 9;
@   n = those 24 bits: n + 1/2 is off by less than one (over all x), so the root rounds to n or n + 1, as the sign
@   of (n + 1/2)^2 - x says. That is never zero: no square root lies midway between two floats.

    .section .text.__softfloat_armv6m_sqrt, "ax", %progbits
    .balign 4
.Lsqrt_slow:
    lsls    r2, r0, #1              @ carry: negative
    beq     .Lsqrt_done
    bcs     .Lsqrt_nan
    cmp     r1, #255
    beq     2f
    movs    r1, #1
1:  subs    r1, #1                  @ subnormal: the exponent that a normal number of this mantissa would have
    lsls    r0, r0, #1
    lsrs    r2, r0, #23
    beq     1b
    b       .Lsqrt_mantissa
2:  lsls    r2, r0, #9
    beq     .Lsqrt_done
.Lsqrt_nan:
    ldr     r0, .Lsqrt_quiet
.Lsqrt_done:
    bx      lr

    .global __softfloat_armv6m_sqrt
    .type __softfloat_armv6m_sqrt, %function
    .thumb_func
__softfloat_armv6m_sqrt:
    lsrs    r1, r0, #23
    subs    r2, r1, #1
    cmp     r2, #254
    bhs     .Lsqrt_slow
    lsls    r0, r0, #9
    lsrs    r0, r0, #9
    movs    r2, #1
    lsls    r2, r2, #23
    orrs    r0, r0, r2
.Lsqrt_mantissa:
    adds    r1, #125
    lsrs    r1, r1, #1              @ the root's exponent, less one
    bcc     1f
    lsls    r0, r0, #1
1:  mov     r12, r1                 @ r0 = x * 2^23
    lsrs    r1, r0, #18
    adr     r2, .Lsqrt_table
    subs    r2, #32
    ldrb    r1, [r2, r1]
    adds    r1, #255                @ 2^9 / sqrt(x)
    @ xr^2 * 2^32 is 2^32 more than what it is off by, and so wraps to that.
    movs    r2, r1
    muls    r2, r1, r2
    lsrs    r3, r0, #9
    muls    r2, r3, r2
    asrs    r2, r2, #9
    muls    r2, r1, r2
    asrs    r2, r2, #16
    lsls    r1, r1, #8
    subs    r1, r1, r2              @ 2^17 / sqrt(x)
    muls    r3, r1, r3
    lsrs    r3, r3, #17             @ s * 2^14
    lsls    r0, r0, #5
    movs    r2, r3
    muls    r2, r3, r2
    subs    r2, r0, r2              @ small, so it does not matter that higher bits are lost
    asrs    r2, r2, #4
    muls    r2, r1, r2
    asrs    r2, r2, #19
    lsls    r3, r3, #9
    adds    r3, r3, r2              @ n
    adds    r2, r3, r3
    adds    r2, #1
    movs    r1, r2
    muls    r2, r1, r2
    lsls    r0, r0, #20
    subs    r2, r2, r0
    mov     r0, r12
    lsls    r0, r0, #23
    lsls    r2, r2, #1              @ carry: n + 1/2 is too little
    adcs    r0, r0, r3
    bx      lr
    .balign 4
.Lsqrt_quiet:
    .word   0x7fc00000
.Lsqrt_table:
    @ 512 / sqrt(x) - 255 in the middle of each 32nd of [1, 4).
    .byte   253, 245, 238, 231, 224, 218, 212, 206, 200, 195, 189, 184, 179, 174, 170, 165
    .byte   161, 157, 153, 149, 145, 141, 137, 134, 130, 127, 124, 120, 117, 114, 111, 108
    .byte   106, 103, 100, 98, 95, 92, 90, 88, 85, 83, 81, 78, 76, 74, 72, 70
    .byte   68, 66, 64, 62, 60, 58, 56, 55, 53, 51, 49, 48, 46, 45, 43, 41
    .byte   40, 38, 37, 35, 34, 32, 31, 30, 28, 27, 26, 24, 23, 22, 21, 19
    .byte   18, 17, 16, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2
    .size __softfloat_armv6m_sqrt, . - __softfloat_armv6m_sqrt
