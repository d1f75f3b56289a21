const { measureReports } = await import("/work/wt/reports/scripts/bench/measureReports.ts");
const { productionWorld } = await import("/work/wt/reports/scripts/bench/productionWorld.ts");
const { buildProduction } = await import("/work/wt/reports/scripts/deploy/productionBuild.ts");
buildProduction();
console.log(await measureReports(await productionWorld(), await productionWorld()));
process.exit(0);
