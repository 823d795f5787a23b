/** How the playground is bundled: one script and one style sheet, which also work from a file. */

import preact from '@preact/preset-vite'
import { defineConfig, type Plugin } from 'vite'

/** What the daemon's code asks of Node has a stand-in here, by name: what is not in it fails the build. */
const standIns: Plugin = {
  name: 'stand-ins-for-node',
  enforce: 'pre',
  resolveId: id => (id.startsWith('node:') ? `${import.meta.dirname}/src/node.ts` : null),
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  plugins: [standIns, preact()],
  build: {
    outDir: '../dist/site',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    // It is the engine, the daemon’s config and listings, and is needed at once.
    chunkSizeWarningLimit: 1000,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: `${import.meta.dirname}/src/main.tsx`,
      output: {
        format: 'iife',
        entryFileNames: 'playground.js',
        assetFileNames: 'playground[extname]',
      },
    },
  },
})
