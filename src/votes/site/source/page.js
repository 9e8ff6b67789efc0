/* What a page does by script beside its elements: it suggests tools, and follows votes. */

import "./search.js";
import "./live.js";
