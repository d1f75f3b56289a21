import { ProtocolError } from "./errors.ts";

/** One entry of the RateRegistry. Fees in picodollars. */
export interface Rates {
  messageFeePico: bigint;
  /** Per byte and day. */
  storageFeePico: bigint;
  /** Per congestion unit. */
  congestionFeePico: bigint;
  targetRatePerMinute: bigint;
  /** Unix seconds. */
  startAt: bigint;
}

/** Messages of one originator in the current minute and the four before it, newest first. */
export type CongestionWindow = readonly [bigint, bigint, bigint, bigint, bigint];

/**
 * r_k = 1 + ln(1 + k(e^2 - 1)/100)/4 at 1e18, rounded up, for k = 1..100: the load at which k units begin. A table
 * instead of exp() because every node has to compute the same fee to the last unit.
 */
const THRESHOLDS: readonly bigint[] = [
  1_015_483_132_354_082_954n,
  1_030_063_023_362_103_417n,
  1_043_839_274_238_142_563n,
  1_056_895_868_853_366_271n,
  1_069_304_277_236_235_164n,
  1_081_125_824_507_984_288n,
  1_092_413_524_493_275_424n,
  1_103_213_516_915_733_535n,
  1_113_566_206_772_869_557n,
  1_123_507_177_011_044_688n,
  1_133_067_926_562_742_222n,
  1_142_276_472_372_170_667n,
  1_151_157_844_421_468_941n,
  1_159_734_495_797_020_570n,
  1_168_026_644_714_440_868n,
  1_176_052_561_616_129_794n,
  1_183_828_811_598_080_780n,
  1_191_370_460_255_456_777n,
  1_198_691_249_377_296_530n,
  1_205_803_747_639_422_772n,
  1_212_719_480_447_052_882n,
  1_219_449_042_295_982_984n,
  1_226_002_194_402_790_515n,
  1_232_387_949_862_508_480n,
  1_238_614_648_198_310_137n,
  1_244_690_020_850_443_984n,
  1_250_621_248_894_608_580n,
  1_256_415_014_070_582_732n,
  1_262_077_544_030_505_866n,
  1_267_614_652_575_167_303n,
  1_273_031_775_530_083_972n,
  1_278_334_002_816_353_510n,
  1_283_526_107_190_564_144n,
  1_288_612_570_060_477_349n,
  1_293_597_604_726_415_110n,
  1_298_485_177_350_383_167n,
  1_303_279_025_914_411_147n,
  1_307_982_677_395_145_214n,
  1_312_599_463_352_373_614n,
  1_317_132_534_104_069_559n,
  1_321_584_871_639_016_242n,
  1_325_959_301_399_572_241n,
  1_330_258_503_051_175_515n,
  1_334_485_020_341_383_226n,
  1_338_641_270_139_279_533n,
  1_342_729_550_735_684_014n,
  1_346_752_049_475_532_808n,
  1_350_710_849_785_891_979n,
  1_354_607_937_656_136_952n,
  1_358_445_207_620_756_797n,
  1_362_224_468_289_901_841n,
  1_365_947_447_468_089_159n,
  1_369_615_796_897_328_807n,
  1_373_231_096_657_262_329n,
  1_376_794_859_251_652_540n,
  1_380_308_533_407_676_746n,
  1_383_773_507_611_908_913n,
  1_387_191_113_404_590_334n,
  1_390_562_628_451_749_092n,
  1_393_889_279_412_906_418n,
  1_397_172_244_620_477_362n,
  1_400_412_656_585_511_572n,
  1_403_611_604_343_108_017n,
  1_406_770_135_649_658_146n,
  1_409_889_259_043_010_365n,
  1_412_969_945_775_691_732n,
  1_416_013_131_630_459_066n,
  1_419_019_718_626_670_968n,
  1_421_990_576_625_265_884n,
  1_424_926_544_839_491_258n,
  1_427_828_433_257_948_236n,
  1_430_697_023_985_989_069n,
  1_433_533_072_511_024_936n,
  1_436_337_308_896_865_466n,
  1_439_110_438_911_813_575n,
  1_441_853_145_094_876_433n,
  1_444_566_087_764_122_119n,
  1_447_249_905_970_908_667n,
  1_449_905_218_403_435_127n,
  1_452_532_624_242_810_459n,
  1_455_132_703_974_603_416n,
  1_457_706_020_158_623_029n,
  1_460_253_118_159_483_212n,
  1_462_774_526_840_324_730n,
  1_465_270_759_221_901_845n,
  1_467_742_313_109_088_240n,
  1_470_189_671_686_715_986n,
  1_472_613_304_086_531_449n,
  1_475_013_665_926_932_137n,
  1_477_391_199_827_037_698n,
  1_479_746_335_896_545_850n,
  1_482_079_492_202_729_252n,
  1_484_391_075_215_841_544n,
  1_486_681_480_234_119_443n,
  1_488_951_091_789_492_369n,
  1_491_200_284_035_041_062n,
  1_493_429_421_115_181_632n,
  1_495_638_857_519_491_118n,
  1_497_828_938_421_034_387n,
  1_500_000_000_000_000_000n,
];
const ONE = 10n ** 18n;

/** 0 to 100 units for the load `r = max(w0, w1, weighted average) / target`; 0 up to r = 1, 100 from r = 1.5 on. */
export function congestionUnits(targetRatePerMinute: bigint, window: CongestionWindow): bigint {
  if (targetRatePerMinute === 0n) return 0n;
  const [w0, w1, w2, w3, w4] = window;
  const average = (4n * w1 + 3n * w2 + 2n * w3 + w4) / 10n;
  const load = [w1, average].reduce((most, w) => (w > most ? w : most), w0) * ONE;
  let low = 0;
  let high = THRESHOLDS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load >= THRESHOLDS[middle]! * targetRatePerMinute) low = middle + 1;
    else high = middle;
  }
  return BigInt(low);
}

/** @param size bytes of the canonical PayerEnvelope */
export function baseFeePico(rates: Rates, size: number, retentionDays: number): bigint {
  return rates.messageFeePico + rates.storageFeePico * BigInt(size) * BigInt(retentionDays);
}

export function congestionFeePico(rates: Rates, window: CongestionWindow): bigint {
  return rates.congestionFeePico * congestionUnits(rates.targetRatePerMinute, window);
}

/** The minute that a message counts in: of its `originator_ns`, since 1970. */
export function minuteOf(originatorNs: bigint): bigint {
  return originatorNs / 60_000_000_000n;
}

/**
 * The rates in force: the last entry with `startAt <= atSeconds`. Whatever is dated before the first entry costs what
 * that one says: a node that dates a message in 1970 must not make it free, nor stop those who compute its fee.
 * `history` ascends by `startAt`. Throws ProtocolError `no_rates` when it is empty.
 */
export function ratesAt(history: readonly Rates[], atSeconds: bigint): Rates {
  const rates = history.findLast(({ startAt }) => startAt <= atSeconds) ?? history[0];
  if (!rates) throw new ProtocolError("no_rates", "no rates are known: is the RateRegistry deployed and readable?");
  return rates;
}
