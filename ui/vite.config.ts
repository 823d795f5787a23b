/** How the page is built: `npm run build:ui` makes dist/ui of ui/, which `tapvs run --ui` serves. */

import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works behind a forwarded port or a path.
  base: './',
  plugins: [preact()],
  build: {
    outDir: '../dist/ui',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy lets no data: URL load, so nothing is put into one.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices of the libraries that are in the bundle.
    license: { fileName: 'licenses.md' },
  },
})
