/**
 * A guest in one sector: it sleeps, and turns itself off when its power button is pressed. So a machine of it takes
 * nothing to boot or run, and can still be shut down as a guest with an operating system can.
 *
 * The ports are those of the ICH9's power management (Intel 82801I, 13.8.3) at 0x600, where SeaBIOS puts it:
 * PM1_STS 0x600, PM1_EN 0x602, PM1_CNT 0x604.
 */
export function sleepingGuest(): Uint8Array {
  const instructions = [
    [0xba, 0x02, 0x06], // mov dx, PM1_EN
    [0xb8, 0x00, 0x01, 0xef], // mov ax, PWRBTN_EN; out dx, ax
    [0xfb, 0xf4], // sleep: sti; hlt until the next tick of the clock
    [0xba, 0x00, 0x06, 0xed], // mov dx, PM1_STS; in ax, dx
    [0xf6, 0xc4, 0x01], // test ah, PWRBTN_STS
    [0x74, 0xf5], // jz sleep
    [0xba, 0x04, 0x06], // mov dx, PM1_CNT
    [0xb8, 0x00, 0x20, 0xef], // mov ax, SLP_EN; out dx, ax: off
    [0xeb, 0xfe], // jmp $
  ]
  const sector = new Uint8Array(512)
  sector.set(instructions.flat())
  sector.set([0x55, 0xaa], 510)
  return sector
}
