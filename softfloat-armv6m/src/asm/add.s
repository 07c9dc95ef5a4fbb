@ Addition and subtraction: r0 = r0 + r1, r0 - r1, r1 - r0. No stack.
@
@ The fast path is for two normal numbers, the larger below 2^127: exponents from 1 to 253.

    .section .text.__aeabi_fadd, "ax", %progbits
    .balign 4

    @ ---- the smaller number is zero or subnormal; r2 is the exponent of the larger
.Ladd_small:
    subs    r3, r2, #1              @ how far the smaller has to be shifted: a subnormal's exponent counts as 1
    bmi     .Ladd_tiny
    movs    r2, r0
    eors    r2, r2, r1
    bmi     1f
    movs    r2, #1
    lsls    r2, r2, #31
    lsls    r1, r1, #8
    b       .Ladd_same
1:  movs    r2, #1
    lsls    r2, r2, #31
    lsls    r1, r1, #8
    b       .Ladd_opposite

    @ ---- both are zero or subnormal: sums of integers
.Ladd_tiny:
    movs    r3, r0
    eors    r3, r3, r1
    bmi     1f
    lsls    r1, r1, #1
    lsrs    r1, r1, #1
    adds    r0, r0, r1
    bx      lr
1:  lsls    r1, r1, #1
    lsrs    r1, r1, #1
    subs    r0, r0, r1
    lsls    r1, r0, #1
    bne     2f
    movs    r0, #0
2:  bx      lr

    @ ---- the exponent of the larger, r2, is 254 or 255
.Ladd_large:
    cmp     r2, #255
    beq     .Ladd_infinite
    @ Half of each, if the smaller matters, and the sum doubled.
    lsrs    r3, r3, #24
    cmp     r3, #200
    blo     .Ladd_done
    push    {lr}
    movs    r2, #1
    lsls    r2, r2, #23
    subs    r0, r0, r2
    subs    r1, r1, r2
    bl      __aeabi_fadd
    pop     {r3}
    lsls    r1, r0, #1
    beq     2f                      @ zero
    movs    r2, #1
    lsls    r2, r2, #23
    adds    r0, r0, r2
    lsls    r1, r0, #1
    lsrs    r1, r1, #24
    cmp     r1, #255
    bne     2f
    lsrs    r0, r0, #23             @ infinity: no fraction
    lsls    r0, r0, #23
2:  bx      r3
.Ladd_infinite:
    lsls    r2, r0, #9
    bne     .Ladd_nan
    eors    r1, r1, r0              @ infinities of opposite signs differ in the sign alone
    lsls    r2, r1, #1
    bne     .Ladd_done
    cmp     r1, #0
    bpl     .Ladd_done
.Ladd_nan:
    ldr     r0, .Ladd_quiet
    bx      lr
    .balign 4
.Ladd_quiet:
    .word   0x7fc00000

    .global __aeabi_frsub
    .type __aeabi_frsub, %function
    .thumb_func
__aeabi_frsub:
    movs    r2, #1
    lsls    r2, r2, #31
    eors    r0, r0, r2
    b       __aeabi_fadd

    .global __aeabi_fsub
    .type __aeabi_fsub, %function
    .thumb_func
__aeabi_fsub:
    movs    r2, #1
    lsls    r2, r2, #31
    eors    r1, r1, r2
    @ Falls through.

    .global __aeabi_fadd
    .type __aeabi_fadd, %function
    .thumb_func
__aeabi_fadd:
    @ The larger in magnitude into r0.
    lsls    r2, r0, #1
    lsls    r3, r1, #1
    cmp     r2, r3
    blo     .Ladd_swap
.Ladd_sorted:
    lsrs    r2, r2, #24
    cmp     r2, #254
    bhs     .Ladd_large
    lsrs    r3, r3, #24
    beq     .Ladd_small
    subs    r3, r2, r3              @ how far the smaller has to be shifted
    movs    r2, r0
    eors    r2, r2, r1
    bmi     .Ladd_unlike

    @ ---- same sign: mantissas from bit 31, eight bits below the last that stays
    movs    r2, #1
    lsls    r2, r2, #31
    lsls    r1, r1, #8
    orrs    r1, r1, r2
.Ladd_same:
    cmp     r3, #8
    bhi     .Ladd_far_same
    lsrs    r1, r1, r3
.Ladd_add:
    lsls    r3, r0, #8
    orrs    r2, r2, r3
    adds    r2, r2, r1
    bcs     .Ladd_carry
    @ Bit 31 is the implicit one: it adds one to the exponent.
.Ladd_round:
    lsrs    r0, r0, #23
    subs    r0, r0, #1
.Ladd_pack:
    lsls    r0, r0, #23
    lsrs    r1, r2, #8
    lsls    r2, r2, #25             @ carry: the first bit that is lost; zero: no further one is set
    beq     .Ladd_tie
    adcs    r0, r0, r1
    bx      lr
.Ladd_tie:
    bcc     1f                      @ nothing is lost
    lsrs    r2, r1, #1              @ carry: odd
1:  adcs    r0, r0, r1
.Ladd_done:
    bx      lr
.Ladd_carry:
    lsrs    r0, r0, #23
    adds    r0, r0, #1
    lsls    r0, r0, #23
    lsrs    r1, r2, #9
    lsls    r2, r2, #24
    beq     .Ladd_tie
    adcs    r0, r0, r1
    bx      lr

.Ladd_swap:
    mov     r12, r0
    movs    r0, r1
    mov     r1, r12
    mov     r12, r2
    movs    r2, r3
    mov     r3, r12
    b       .Ladd_sorted

    @ ---- opposite signs
.Ladd_unlike:
    movs    r2, #1
    lsls    r2, r2, #31
    lsls    r1, r1, #8
    orrs    r1, r1, r2
.Ladd_opposite:
    cmp     r3, #8
    bhi     .Ladd_far_opposite
    lsrs    r1, r1, r3
.Ladd_subtract:
    lsls    r3, r0, #8
    orrs    r2, r2, r3
    subs    r2, r2, r1
    bmi     .Ladd_round
    beq     .Ladd_nothing
    @ How many zeros lead: at least one.
    lsls    r2, r2, #1
    bmi     .Ladd_one
    movs    r1, #2
    lsrs    r3, r2, #16
    bne     1f
    lsls    r2, r2, #16
    adds    r1, #16
1:  lsrs    r3, r2, #24
    bne     1f
    lsls    r2, r2, #8
    adds    r1, #8
1:  lsrs    r3, r2, #28
    bne     1f
    lsls    r2, r2, #4
    adds    r1, #4
1:  lsrs    r3, r2, #30
    bne     1f
    lsls    r2, r2, #2
    adds    r1, #2
1:  cmp     r2, #0
    bmi     2f
    lsls    r2, r2, #1
    adds    r1, #1
    b       2f
.Ladd_one:
    movs    r1, #2
2:  @ r1 = one more than the zeros. The result is normal if the exponent is larger than their number.
    lsls    r3, r0, #1
    lsrs    r3, r3, #24
    cmp     r3, r1
    blo     .Ladd_denormal
    lsrs    r0, r0, #23
    subs    r0, r0, r1
    b       .Ladd_pack
.Ladd_denormal:
    @ Shifted right by 1 + zeros - exponent, without loss; the exponent field is zero.
    subs    r1, r1, r3
    lsrs    r2, r2, r1
    lsrs    r2, r2, #8
    lsrs    r0, r0, #31
    lsls    r0, r0, #31
    orrs    r0, r0, r2
    bx      lr
.Ladd_nothing:
    movs    r0, #0
    bx      lr

    @ ---- bits are lost in the shift: whether one of them was set goes into the last that stays
.Ladd_far_same:
    cmp     r3, #26
    bhi     .Ladd_done
    movs    r2, r1
    lsrs    r1, r1, r3
    rsbs    r3, r3, #0
    adds    r3, #32
    lsls    r2, r2, r3
    subs    r3, r2, #1
    sbcs    r2, r2, r3
    orrs    r1, r1, r2
    movs    r2, #1
    lsls    r2, r2, #31
    b       .Ladd_add
.Ladd_far_opposite:
    cmp     r3, #26
    bhi     .Ladd_done
    movs    r2, r1
    lsrs    r1, r1, r3
    rsbs    r3, r3, #0
    adds    r3, #32
    lsls    r2, r2, r3
    subs    r3, r2, #1
    sbcs    r2, r2, r3
    orrs    r1, r1, r2
    movs    r2, #1
    lsls    r2, r2, #31
    b       .Ladd_subtract

    .size __aeabi_fadd, . - __aeabi_fadd
