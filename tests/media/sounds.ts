/** Short sounds and films that are what they say. */

/** Two seconds of Ogg Opus: a second of silence, then a tone of 440 Hz. */
export const toneFile = () => Buffer.from(TONE.join(''), 'base64');

/** A second of MP3: a tone of 440 Hz. */
export const mp3File = () => Buffer.from(MP3.join(''), 'base64');

/** The head of a film (ISO/IEC 14496-12) without its pictures; `turned`: by a quarter, as phones film upright. */
export function filmOf(about: { seconds: number; width: number; height: number; turned: boolean }): Buffer {
  const mvhd = Buffer.alloc(100);
  mvhd.writeUInt32BE(1_000, 12);
  mvhd.writeUInt32BE(about.seconds * 1_000, 16);
  const tkhd = Buffer.alloc(84);
  const matrix = about.turned ? [0, 1, 0, -1, 0] : [1, 0, 0, 0, 1];
  for (const [i, value] of matrix.entries()) tkhd.writeInt32BE(value * 65_536, 40 + i * 4);
  tkhd.writeUInt32BE(about.width * 65_536, 76);
  tkhd.writeUInt32BE(about.height * 65_536, 80);
  const sound = Buffer.alloc(84);
  const tracks = [box('trak', box('tkhd', sound)), box('trak', box('tkhd', tkhd))];
  const moov = box('moov', box('mvhd', mvhd), ...tracks);
  return Buffer.concat([box('ftyp', Buffer.from('isom\0\0\x02\0isommp41', 'latin1')), moov]);
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

const TONE = [
  'T2dnUwACAAAAAAAAAAAAAAAAAAAAAAIotXIBE09wdXNIZWFkAQE4AYC7AAAAAABPZ2dTAAAAAAAAAAAAAAAAAAABAAAASZW+VAEu',
  'T3B1c1RhZ3MGAAAAZmZtcGVnAQAAABQAAABlbmNvZGVyPUxhdmMgbGlib3B1c09nZ1MAAEC/AAAAAAAAAAAAAAIAAACJly0qES4s',
  'LCwsLCwsLCwsLCwsLCxNa4MNDwvkwTbsxY2MSUhCbNAHyXIn4UTqVfHwwNEyKTAHyXnIyVfAohIj+lkgcGsDB8l5yMlXwKISI/pZ',
  'IHAHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwawMHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHBr',
  'AwfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcGsDB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcAfJ',
  'ecjJV8CiEiP6WSBwawMHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHBrAwfJecjJV8CiEiP6WSBwB8l5',
  'yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcGsDB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwawMHyXnI',
  'yVfAohIj+lkgcAfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHBrAwfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHAHyXnIyVfA',
  'ohIj+lkgcGsDB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwawMHyXnIyVfAohIj+lkgcAfJecjJV8Ci',
  'EiP6WSBwB8l5yMlXwKISI/pZIHBrAwfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcGsDB8l5yMlXwKIS',
  'I/pZIHAHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwawMHyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZ',
  'IHBrAwfJecjJV8CiEiP6WSBwB8l5yMlXwKISI/pZIHAHyXnIyVfAohIj+lkgcGuDDg4HyXnIyVfAohIj+lkgcAfJecjJV8CiEiP6',
  'WSBwr1Y5mx6vJro2lqnXwjrn8iqXSESZOC6RiWnlSAMOby52PJlNSVpSyD2Gftu8T2dnUwAEOHgBAAAAAAAAAAAAAwAAADJF0IYR',
  'l7SYjoJzfKCIkpSajp6jkotrgys0p9uV7No1k1R3E/S9QgRHygdeAOnEzowp+BztJjPqByeZzvLPypsb4qKU/aZjmXhcjBR6MJtN',
  'XnXOkogRJNHK6LVC2zg+b2rRvGMtbEEFcx4dJZCw3zauxO5uJ+SA3NemY5l4XIhXNkmqHHP4fS6alHVvR1k4v5+3wp/cCLGp2Koq',
  'y1cs4rWs9edBEvcSW5ZjoGz6a4M+N6bKfnOmThAmiNIXtIJCYGOh9hbAC0KsepU7D7R5IfzNpzEffaLLXRbvbkPpNVVUqBG9LWKp',
  '6oEvfUGjFfqqp9uoTmpQRVJEki48FEownKlFxqPUb678401aVnZ2YnzmrvOKsVbV9zqkdJjS8VMcmCc+JN2nUamOVgDdlNlrEgYD',
  'evFy/KBPyXhmpVPDwK5BOoxzVwgniLE86kOgp/AU/M86EVCz6fYDnLLJd8mmEGVra4MtM6mOVgDdmcFOFEWgkU16aEwjJ7qenmrS',
  'LCuUuvLBkXt/HVOurVkWQZ1iy6Dc16mOVgDdjPJYbGcL8pLyMx4UTXhbB8lmTTkB7Zg+Faw5TxRM/ghnXNpM76Jqit1EeRBs+qtB',
  'FgDdlIKlm3Go+WAWgpqU6R5nB+EklzxUo9ZsQezs62am26dJcQHDaA4lISUDJ84F+q5rgzAvq0F6YD1PU4k9knRfycngrPp266UV',
  'yNSDFyN+NDIxpM5yk5+f6wG4ffJ9ylGQUW9hrPPWAN2M9eHV8+3jKGhyLeZ4geAqwF0fc7UwTSd3Jsvce1Mvia7WJLepBIHwZWut',
  'fA/5eTfi09jCqoFfeAhfEbSF43+K4thvT7Sc9vcPQvBMtaxK7GeX8NzXa4MvKa6mlgDdlRIXXsMctsA3OFb9UFghh7++udWCicbD',
  'KIDn3w+wGFRT0GaxcJwSIGz6sFlWAN2U29mllMuvYWW6s+S4+yvotB5QaBFduj3o80ohwJHZqXMqhkqwWbpgPU7wyIbXxhZctT0y',
  '7ySQkj78L5ClT0quxlqHvvYecNXvYWuDKySwWVYA3ZTZam15uM2aeQcPjxU5pu6R+UJ3HZiw+sbyWUNXb11O6ku5QGVvs77WAN2a',
  'Ai497kjXVYmHdWQFbiZhLUunl2hb4J9zWxw+QNzXtRaAzwR6UgSCkF+At4Pz6wnvFYgkKk5k13MuYE6iEaJrgyEctRaAzwR6Ba9u',
  '9LttTQmmd/u1OztTrkW34CwNx9GhFfqqtRa2MyQeUuYyY5JPtmvgZINLeP4eM/HSyexvYbZGTmKkqTHHPonK6CBD27BUadFtaKnc',
  'XQrpt12yHdedpQtqj1H4IuASGYE8mv2MKsFt1yaBznk/CZT7a4M4Mbc+7nEeqU0gxbVQtIosMiPnsZrepVsYncKZqHJBB1Sllxaz',
  'rS5Fd/W9CPCBmY+ySgGzdxZY0NzXtt+IIXPTZJY5jl8i28MKZUBQy2L4BqCpIkSNhjaJ79woeDriV9cwrzFNLmYRdiQRorbllRkw',
  '4QWK3z5uLPXiE39LHGkZMqodPZEEqo6tf9wBID+d4XCwYD9bmZRhaWe7rsiGSmuDLi+234ghc9Nkk/OD6DwWQpcA5xopVCvTm4+1',
  'Xtfev3ufvkjcwQNwHHKdcmdDTadRtt+IIXPTZJY5jl7w4KKY+ebOQYn48UIbJ2eluBsfES/Vm6goRuL5zClQoXD+lPu25ZUZN8Qv',
  'ljXaSvLdYeQwOXau7RxQDmNmhqDl5wycPPjl+FRA3NdrA7c4Db7tQ3atSbFHloHCFI4req8BHXEUq1oKMf89QyTJezBPPoQXKOy/',
  '+9wQ3JoRorbfiCFz02T/z2Pe3y7JDm9Qs437g7zWH3XyON5iLl3F7UlH5u9weTwAtY4jjXX6qrbllRk3xEU22/9EqqSIwA9OKDUa',
  'm5yTmawOsBPO0RCtnu0W/o8tfth2hrKpFQDvYWuDNS2234ghc9NjZL05VQSsM5YHLRhUjyig601W4EV2ePhS4lQtSrOjbYaMFlFi',
  'fIYXhQpl2ViU87bllRk3xC+T8E914hhlMVN8ozhOWPAx5ZpJQfMV48/BIeGaNrcdTggtpDQ/f7bfiCFz02SWOZBjKcLLZGbH6x/8',
  'Bb3+G+Z1XE0rkRACVVzBzECj6nbtwbaAbPprgy4zt4XSs49i6mhmcQqRHv37YD9zCPDUBIHQkPoORmDRhFN0Uz6K65ib4u8hIyqG',
  'SreJjpw5Vb+oT6Oa0hrYgxznYOp4gjPgMz9RAVnrH4CDF0s+8W4I99Rnq1qvme4wj72nUbbfiCFz02QI6ODpAfrWHhPh93HKVNn/',
  'PqkykL5BCKeWt+v29Qt0j9agwF7ZjsbZPp4oaBT/a4MuL7bllRk3xEU22/wt++x6RGnPYII/dI9KHlsQ+5HBuMGnTSUxXoJV3+2T',
  '92Aw3Ne234ghc9Nk/7fIvRy8MSBqswiLZMGl1oPqQxdCt5QWsu/JAefErlcOtOnwMmgRorbfiCFz02T/z2PehJNxLOs24BUCAIKJ',
  'x7auSv3lEkHxM8tiZWzRZ4wIG9X6qmuDODK3iY6cOVW/qE53D57rUdqkX8kRXXiaD3uqBv5o65hC+QbdoerSlPXmXUpWJVLPOZkd',
  'ee6HwN2nUbeEZu3GmgQ6O+IOTthem5MsYBCe4bPDs+pNYhoBFulWpRWCEv6T1HfW8ujhjPCA8GVrt4XSs49i6nj7jHDLVlCQ+PDD',
  '7uDA0RDLDPhSGLLAdv4Zt73vFZLFO5EHTqeupD9/a4M2NLbfiCFz02SWQcscAK5LVEiriN/c3xZCPvGZgABBjBVMEBsoqJMhOslY',
  'kH9H99Kso22uhSBs+rbfiCFz02T/z2PtWyAlCSVUnxnq8bGOGhK4D1aqYqnLUy/DST0wY+1Hy/VuM3rrHooEhkq3iY6cOVW/qE5Y',
  'Q12eW5qkw+MBifhZD8LfvhQlIMg36Ncb5upeEO1KtLbv46pt+bJKt82nUWuDMy63hGbtxpoEOjviDk7zPnjVjjCZeCpGtVY7zAdT',
  'YRu79ynflt9SV70swu1ZvcqoJ9DQZWu3hdKzj2LqePt/PqzFdMWIbJaOcb0Zh1EQGtpAy9wCL8IaYH8Cjc71M+pXQD9/tt+IIXPT',
  'ZJZByxGoKnvT22dGghUd7JYaYbtFdx2sZo8/dKUYlk8FIXmOAGz6a4MtP7bfiCFz02T/z2byyI+EI1bJE1s6Irbw5YfknSkbx1XC',
  '6KJxvKLWvXNulhX6qrrbz4CFld4Yf++ojK4FgGqvojJ2rCzP3v90iatfiuk2zgX1vEe4qV1qbZrj9YwV2LCVyHqBjcKMdAsC1cck',
  'fD5QwDJY5QX4s/Ig0SxuppE2psmukg/VszysTw==',
];

const MP3 = [
  '//MgxAAIAD7FGUMAAqEpLhwHd3f4ju4GBuHyigQdB8HwfP5QMZcH//BN+JwQcJiXvj8yYf/zIsQHCrh6lAGaOADDBbHKDKBGOGC/',
  'BHJIYjDQgHIqUIQcgt/HhsNuCoS8GhKd+DT944yR//MgxAQI6FZYAd0AAECC4bGAoSAITjBcXjJMeD7dUTJobygQGvISnnf2NV7N',
  '/96uvUY68f/zIMQHCdBKIADn9ECnqw5BYwBoARNdiHcAmKPCmgwqithYW1fv/6P/v///+tXdx6TARwf/8yDEBgmgSiAAB/QIeUqY',
  'agBMAbAFjXOSGEHxhoSzaEz1gI///6Dn/vd///611VgoxtZ2//MixAYIAEYoAAc+BALWlBjADgA80bocgDAIlIJ5ZFeHs/9H//+T',
  '3cgkx/ZGBNZUFMAPAEj/8yDEDgeYSigABz4E0ZEfLCAIZIF5pDfwFf//8ir1CxjqYspcpYxgEAHn587IEA2qSgWe//MgxBYG4EYs',
  'AD88ILw9n//++t5QSZdxymTDUVTAEwCA05EpRAwE8ga20Vnrwr///p/+6v/zIMQhCCBKJAAHPgTW48ZGlLDXKVMYAwCp9tQ5A4Gl',
  'Pp+Z6yP/////0f/W60AmbcEoEw3/8yLEJwc4RiwABzwEQCmAJgExpgpdGc0Aga20Vnhjf//63f+Q1RQsZgpawrOkhjADACM0Gv/z',
  'IMQyCIBGJADn9ECKwAEA8pJOrFrI////uf/u8oBNH65IZUpbEwBcA4NTzOqTriA4Cyb/8yDENwdwRigAPz4gis9e1///3f+R1uJG',
  'DYJ+qVnSQxgFAUn+leQfQKSTqy6yPZ///V/9//MgxEAIgE4gAOf0QD///+zeURMHMTZYzOUhTALAqP33EU+Qk1XGltoY7///f/6V',
  '1jEjB//zIsRFCIBGKAAHsgiBL1is6ROMAgC0/JMuj2DSud2XWR7P//9//tXdaATArQYZFJQUs6YA//MgxEsHoEYoAAeyCJgIxpmK',
  'I+c0cXRZdDsuGHf/T/dH/+S/7//roAAv93lenAFrEZqnLf/zIMRTB6BGKAAHsgimhovqagSXiBsWshxZDY11fRqVag8v/5L/b0//',
  'Z0r/yxyfU2vqC7T/8yDEWwnARiAAB/QIkSBAAUwBcBaNSzUvzqlgcBXU/suGAs7q8x/1u/1yH1bf/fX8YkYF//MixFsKqD5KXg68',
  'ICAm6YKxi6xgBQCGZ7kg0Hwaj812NWXs///xv/s////JKsa0MmBigrD/8yDEWArYRhwA5/RAgsoKDAAEwA8BSNEHTLTgki7LXodp',
  'gk7//913/kbuMSMCsBH0rVjF//MgxFMJCEYkAAfyCNYwAgBHM5oRODyNRScmNUt///9X/TTo///Xst5REwLEESSuWKW5MP/zIMRV',
  'CPBGIAAH9AgBwEgzdtGZPE5IlyozTYo///yP/3/1VfKAxhOBxqWsSQTGAAB+d0n/8yLEWAkwRiQAB/II+Achagz+yqqx///+//ya',
  '/KMmBcgfCVyxS3JgAoCYZlWkknSgmK5UZv/zIMRbCIhKJAAH8gix0z//+y//2//n4xo7zrSRWMXOMACATzMCkpY5kUxnJjVVhr//',
  '+v//8yDEXweoRigAL7Ik+S0///r2Kv/vMpSeDuJJLpLmmABgKBlsqXCcaCYrtSmsTM///1u///MgxGcIOEYkAAfyCPRV7yNGBhAZ',
  '6SK6i5xgAACiZVwmRH6aXzsyqqQPf//4z/0K52WmBv/zIsRtCUhGJADf8kA4F8kkukuaAQFIygVNhPckvXalNYm79P/2Xf+z///q',
  '7jGjA6AM1A1T//MgxG8ISEYkAN/yQGCoAEYAAAxmVLLKh+2j04MSmSD///6v/kdH///Z8wFMDLAnkul0l//zIMR0CBhGJAAH8Ag0',
  'CgKhkQ6eWc5JyulKaxNzv//1P/9K8oGMDMAjUuV1F5gQAqmPdJ//8yDEegjARiQAB/AIsbqqVPrEqpB///+//0/X/+87LTz3pM5d',
  'JeUGgKxjc6g6a6KUulKb//MixH4JeEYgAAfwCIHzP//9b//J///9SvYDGB4APaEKmwXAAgYAzmNwLiBq2mk6MemQwa//8yDEgAfo',
  'RiQAL/Ak9df+vb/t0//+72XnZ0wNMBUTOXSXlC4CsYo2osmGiwLxR24H3f////MgxIcH+EYkAC/wJNbv/QruM8foloWq6EIAEFgG',
  'kxLJdGAAA6oc3WPUNTA1//3brv/R///zIMSOCNhGJADf8EB31/XV52dP1MESlciAADEIDQYbyusg0AcTdeKO0Fc1///kN39Tv+7/',
  '8yLEkQmoRiAAL/Ak//3q7yjP0E0SVdCEACFAGkwhJdiEQA6m89Meoahl3//9n/Yr///2Vf/zIMSSB9hGJAAH8Aj6liuquj+GAXmA',
  'eAmXuMAkAAwYgsjCYQpMG8J8wfQOwMAurcWseSP/8yDEmQmITiAABv4EjuAvlCzgQAwTS/wUYNFoMOOBor/A+9p4kKQx/wSwCx/K',
  'j42/ojvJ//MgxJkJWEogAAb+BOlaP503PrOdMf7z5wTnhFzgEnDyvlFMQU1FMy4xMDBVVVVVVVVVVf/zIsSaCThKIAAG/gRVVVVV',
  'VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV//MgxJ0KwFJUAV4YAFVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV',
  'VVVVVVVVVVVVVVVVVf/zIMSZDjDOiAGaWABVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVX/8yDEhwAAA0gB',
  'wAAAVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV',
];
