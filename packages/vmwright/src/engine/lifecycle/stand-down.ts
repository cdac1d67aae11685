import type { VmMark } from '../../hypervisor/contract.ts'
import type { Progress } from '../../lib/progress.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { Guest } from './job.ts'

/**
 * Lets cloud-init stand down for later boots, by the file that it documents for that
 * (https://docs.cloud-init.io/en/latest/howto/disable_cloud_init.html), where it would do nothing any more: it has read
 * a seed of ours, ended without an error, and there is nothing for each boot. A guest that starts again and again from a
 * snapshot without memory has its login earlier by the time that cloud-init looks around, for which sshd waits.
 *
 * Tells in words when it is so; `undefined`: cloud-init goes on as before, as also in a guest that has none or where the
 * login has no sudo. Safe to repeat. Throws what the channel throws when the guest does not answer.
 */
export async function standDownCloudInit(
  progress: Progress,
  { job, line, machine }: Pick<Guest, 'job' | 'line' | 'machine'>,
): Promise<string | undefined> {
  if (!mayStandDown(job.instance, machine.mark)) return undefined
  const channel = await line.current(progress)
  if (channel.kind === 'winrm') return undefined
  const { exitCode } = await channel.run(progress, {
    script: standDownScript,
    args: ['/', notice],
    user: 'root',
  })
  return exitCode === 0 ? 'cloud-init stands down' : undefined
}

/** As far as the spec and the mark tell. Pure. What `raw` holds may be for each boot. */
export const mayStandDown = (
  { lifecycle, cloudInit }: Pick<InstanceSpec, 'lifecycle' | 'cloudInit'>,
  { seed }: Pick<VmMark, 'seed'>,
): boolean =>
  lifecycle.cloudInit === 'first-boot' &&
  seed.sealed &&
  cloudInit.bootcmd.length === 0 &&
  Object.keys(cloudInit.raw).length === 0

const notice =
  'Made by vmwright for a lifecycle: cloud-init has done its work. Without this file it runs at the next boot.'

/**
 * `$1` the root folder, `$2` what the file says. `result.json` is of this boot, and written at the end of cloud-init's
 * last stage. The channel runs it with `set -e`, so that the first line that is not true ends it.
 */
export const standDownScript = `
cd "$1"
marker=etc/cloud/cloud-init.disabled
if [ -f $marker ]; then exit 0; fi
grep -q DataSourceNoCloud run/cloud-init/result.json
grep -q '"errors": *\\[\\]' run/cloud-init/result.json
if [ -n "$(ls -A var/lib/cloud/scripts/per-boot 2>/dev/null)" ]; then exit 1; fi
printf '%s\\n' "$2" >$marker
`
