CREATE TABLE `early_amendments` (
	`id` text PRIMARY KEY NOT NULL,
	`target` text NOT NULL,
	`type` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `early_amendments_target_ix` ON `early_amendments` (`target`,`type`,`at`);