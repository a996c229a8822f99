/** The worker of this package: databases in a browser, on OPFS.  It only answers. */

import { serve } from '../src/platform/browser-worker.ts'

serve()
